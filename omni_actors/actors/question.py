"""The waiting half of an ask: a slot for one answer, and one task parked on it."""

import trio
from attrs import define, field


@define(eq=False)
class Question:
    """Travels in the envelope. `deadline` is monotonic; `chain` is who waits behind this ask."""

    deadline: float
    chain: tuple[str, ...]
    _asker: trio.lowlevel.Task | None = field(default=None, init=False)
    _reply: object = field(default=None, init=False)
    _error: Exception | None = field(default=None, init=False)

    def answer(self, reply: object) -> bool:
        """Wake the asker with `reply`; False when nobody waits any more."""
        return self._wake(reply, None)

    def fail(self, error: Exception) -> bool:
        """Wake the asker with `error`; False when nobody waits any more."""
        return self._wake(None, error)

    def expire(self) -> None:
        """Its time is over."""
        self.fail(trio.TooSlowError())

    async def wait(self) -> object:
        """Park until answered or failed. Cancelled, it discards the late answer."""
        self._asker = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._leave)
        if self._error is not None:
            raise self._error
        return self._reply

    def _wake(self, reply: object, error: Exception | None) -> bool:
        asker, self._asker = self._asker, None
        if asker is None:
            return False
        self._reply, self._error = reply, error
        trio.lowlevel.reschedule(asker)
        return True

    def _leave(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._asker = None
        return trio.lowlevel.Abort.SUCCEEDED
