"""What can go wrong between actors."""

from omni_actors.actors.mailbox import Told


class WouldDeadlock(Exception):
    """An ask would have come back to an actor that is waiting for its answer."""

    def __init__(self, address: str, chain: tuple[str, ...]) -> None:
        super().__init__(f"{' -> '.join(chain)} -> {address} would wait for itself")
        self.address = address
        self.chain = chain


class Undelivered(Exception):
    """A question did not get into the mailbox; `told` says why."""

    def __init__(self, address: str, told: Told) -> None:
        super().__init__(f"{address} did not take the question: {told.value}")
        self.address = address
        self.told = told


class AskFailed(Exception):
    """A question was taken but will never be answered; `reason` is `poison` or `stopped`."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"{address} will not answer: {reason}")
        self.address = address
        self.reason = reason


class Escalated(Exception):
    """An actor that the house cannot live without kept crashing."""

    def __init__(self, address: str, error: str) -> None:
        super().__init__(f"{address} crashed too often, the system ends: {error}")
        self.address = address
        self.error = error
