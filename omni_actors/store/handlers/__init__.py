"""Who answers which verb and query: importing this package registers them all."""

from omni_actors.store.handlers import (
    accept,
    channels,
    claim,
    conversations,
    dead_letters,
    due,
    events,
    heads,
    keys,
    media,
    messages,
    retention,
    settle,
    submit,
    templates,
    unclaimed,
)

__all__ = [
    "accept",
    "channels",
    "claim",
    "conversations",
    "dead_letters",
    "due",
    "events",
    "heads",
    "keys",
    "media",
    "messages",
    "retention",
    "settle",
    "submit",
    "templates",
    "unclaimed",
]
