"""Who may answer in a conversation that several apps of a business share at its platform."""

from omni_actors.model.capabilities import Capabilities


def is_elsewhere(
    controlled_by: str | None,
    last_inbound_at: float | None,
    capabilities: Capabilities,
    now: float,
) -> bool:
    """Whether the platform would refuse what we send, because another app controls the thread.

    Control lapses some time after the customer's last message. An app may have it for longer: then
    only the platform knows, and says so.
    """
    if controlled_by is None or last_inbound_at is None or capabilities.control_s is None:
        return False
    return now < last_inbound_at + capabilities.control_s


def elsewhere_sentence(controlled_by: str | None) -> str:
    """Why a message may not go out now, and what to do."""
    return (
        f"another app ({controlled_by}) or a person in the platform's inbox controls this "
        "conversation: take the control (POST /v1/conversations/{id}:take-control), or wait until "
        "it is passed back (event conversation.control with ours = true)"
    )
