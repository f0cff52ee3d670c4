"""Who may answer in a conversation that several apps of a business share at its platform."""

from typing import Final

from omni_actors.model.capabilities import Capabilities

ELSEWHERE: Final = (
    "another app, or a person in the platform's inbox, controls this conversation (`controlled_by` "
    "of its leg): take the control with POST /v1/conversations/{id}:take-control, or wait until it "
    "is passed back (event conversation.control with ours = true)"
)


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
