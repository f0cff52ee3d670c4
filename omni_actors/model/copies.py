"""Copies of a message that its platform took for some people and not for others."""

from attrs import frozen

from omni_actors.model.failure import Failure


@frozen
class NoCopy:
    """Somebody for whom a copy was not taken, by their address there, and why. `crowded`: only
    because there were too many of them beside those for whom it was."""

    address: str
    failure: Failure
    crowded: bool = False


@frozen
class Copies:
    """What is to become of copies that were not taken: `again` are tried once more at `due_at`
    (unix seconds), `lost` are not."""

    again: tuple[NoCopy, ...] = ()
    lost: tuple[NoCopy, ...] = ()
    due_at: float = 0.0
