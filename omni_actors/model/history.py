"""Reading what was said before we were there, or while we were not."""

from enum import StrEnum


class Cause(StrEnum):
    """Why old conversations are read."""

    CONNECTED = "connected"  # the account was connected
    OUTAGE = "outage"  # we were away
    SUBSCRIPTION = "subscription"  # the platform had ceased to send webhooks
    ASKED = "asked"  # somebody wants it


class SyncState(StrEnum):
    """How far a reading is."""

    WAITING = "waiting"  # it begins soon, or goes on when the platform answers again
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # the platform refuses it
