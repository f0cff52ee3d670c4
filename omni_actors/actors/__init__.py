"""The actor runtime: mailboxes, supervision, actors by key, clock and loop health.

`system.open_system` is the way in; `roster.Roster` keeps actors that sleep when idle. An idle actor
has no task: a small pool gives turns to those that have mail. Knows no messaging word.
"""
