"""Reply windows: how long after the customer's last message a free-form message may be sent."""

from omni_actors.model.capabilities import Capabilities
from omni_actors.model.content import Content, content_type
from omni_actors.model.reports import Acted, Reacted, Received

CLOSING_BEFORE_S = 3600.0
"""How long before a window closes its customers' consumers are warned, unless the config says."""


def opened_until(report: Received | Reacted | Acted, capabilities: Capabilities) -> float | None:
    """Until when what a person did holds the window open; None when it does not."""
    if capabilities.window_s is None or not report.opens_window:
        return None
    return report.at + capabilities.window_s


def entry_of(report: Received, capabilities: Capabilities) -> tuple[float, float] | None:
    """By when a person who came from an ad must be answered, and for how long it is free then.

    None when nothing is. A free entry is about costs only: it holds no reply window open.
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


def has_opened(before: float | None, until: float | None, at: float) -> bool:
    """Whether a message at `at` opened a window that was closed before it."""
    return until is not None and until > at and (before is None or before <= at)


def closing_at(until: float, before_s: float) -> float:
    """When to warn that a window is about to close."""
    return until - before_s
