"""Reply windows: how long after the customer's last message a free-form message may be sent."""

from collections.abc import Sequence

from omni_actors.model.capabilities import Capabilities
from omni_actors.model.content import Content, content_type
from omni_actors.model.reports import Acted, IdentityKey, Reacted, Received
from omni_actors.model.requests import AuthorType

CLOSING_BEFORE_S = 3600.0
"""How long before a window closes its customers' consumers are warned, unless the config says."""


def opened_until(report: Received | Reacted | Acted, capabilities: Capabilities) -> float | None:
    """Until when what a person did holds the window open; None when it does not."""
    if capabilities.window_s is None or not report.opens_window:
        return None
    entered = isinstance(report, Received) and report.free_entry
    more = capabilities.entry_window_s if entered else None
    return report.at + max(capabilities.window_s, more or 0.0)


def entry_of(report: Received, capabilities: Capabilities) -> tuple[float, float] | None:
    """By when a person who came from an ad must be answered, and for how long it is free then.

    None when nothing is. A free entry is about costs only.
    """
    if not report.free_entry or capabilities.entry_answer_s is None:
        return None
    return report.at + capabilities.entry_answer_s, capabilities.entry_free_s


def is_open(capabilities: Capabilities, window_until: float | None, now: float) -> bool:
    """Whether a free-form message may go to a leg with this window."""
    if capabilities.window_s is None:
        return True
    return window_until is not None and now < window_until


def needs_window(content: Content, capabilities: Capabilities) -> bool:
    """Whether this content may be sent only while the window is open."""
    return (
        capabilities.window_s is not None
        and content_type(content) not in capabilities.free_in_closed_window
    )


def needs_no_window(keys: Sequence[IdentityKey], capabilities: Capabilities) -> bool:
    """Whether nothing is known of a person but addresses that a message reaches in any window."""
    return bool(keys) and all(key.kind in capabilities.windowless for key in keys)


def grace_s(author: AuthorType, capabilities: Capabilities) -> float:
    """For how long after the person's last message this author may go on when the window closes."""
    human = author is AuthorType.HUMAN
    return (capabilities.human_window_s or 0.0) if human else 0.0


def grace_until(
    author: AuthorType, capabilities: Capabilities, last_inbound_at: float | None
) -> float | None:
    """Until when this author may write whatever the window; None when the window decides."""
    seconds = grace_s(author, capabilities)
    return last_inbound_at + seconds if seconds and last_inbound_at is not None else None


def closed_sentence(author: AuthorType, capabilities: Capabilities) -> str:
    """Why a message may not go out now, and what else there is."""
    hours = (capabilities.window_s or 0.0) / 3600
    told = (
        "the reply window is closed: the customer has not written within the last "
        f"{hours:.0f} hours; "
    )
    if capabilities.human_window_s and author is not AuthorType.HUMAN:
        days = capabilities.human_window_s / 86_400
        told += f"what a person has written may go for {days:.0f} days (author.type = human); "
    if capabilities.free_in_closed_window:
        told += "send a template, or "
    return told + "set delivery.on_closed_window"


def has_opened(before: float | None, until: float | None, at: float) -> bool:
    """Whether a message at `at` opened a window that was closed before it."""
    return until is not None and until > at and (before is None or before <= at)


def closing_at(until: float, before_s: float) -> float:
    """When to warn that a window is about to close."""
    return until - before_s
