"""The pretend mail provider: a server that takes mails, and one that shows mailboxes."""
