"""What was given up on: looking at it, and giving it another chance, at a rate."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import frozen

from omni_actors.gateway.errors import Code, Mistake, RequestError
from omni_actors.model.json import JsonObject
from omni_actors.store.contract import Store
from omni_actors.store.queries import DeadLetterById, DeadLetters, IntakeBody
from omni_actors.store.rows import DeadLetter, LegWake, Page
from omni_actors.store.verbs import Intake, Redrive

REDRIVE_MAX = 10_000
PAGE = 200
PER_SECOND = 100.0
SHOWN_BYTES_MAX = 2_000
FILTERS = ("kind", "channel_id", "reason")


@frozen
class DeadLetterDesk:
    """Shows and redrives dead letters."""

    store: Store
    now: Callable[[], float]
    wake_legs: Callable[[Sequence[LegWake]], None]
    read_again: Callable[[str], Awaitable[bool]]

    async def page(
        self,
        tenant: str,
        after: str,
        limit: int,
        kind: str | None,
        channel_id: str | None,
        reason: str | None,
        redriven: bool,
    ) -> Page[DeadLetter]:
        query = DeadLetters(tenant, after, limit, kind, channel_id, reason, redriven)
        return await self.store.ask(query)

    async def one(self, tenant: str, dead_letter_id: str) -> tuple[DeadLetter, JsonObject]:
        """A dead letter with what it was about. Raises RequestError NOT_FOUND."""
        letter = await self.store.ask(DeadLetterById(tenant, dead_letter_id))
        if letter is None:
            raise RequestError(Code.NOT_FOUND, "there is no such dead letter")
        if letter.kind != "intake":
            return letter, {"message_id": letter.message_id}
        intake = await self.store.ask(IntakeBody(letter.ref))
        return letter, shown(intake)

    async def redrive(
        self,
        tenant: str,
        ids: Sequence[str],
        where: Mapping[str, str] | None,
        per_second: float | None,
    ) -> JsonObject:
        """Redrive by id or by filter; the parts are due `per_second` a second, from now on.

        The pace is in the queue itself, so nobody waits here and a restart keeps it. `unread` are
        the intakes that are still not understood, or whose bytes are gone; their letters stay.
        """
        chosen = list(ids) if ids else await self.matching(tenant, where)
        every_s = 1 / (per_second or PER_SECOND)
        done: list[str] = []
        skipped: list[str] = []
        unread: list[str] = []
        for start in range(0, len(chosen), PAGE):
            some = tuple(chosen[start : start + PAGE])
            at = self.now() + len(done) * every_s
            redriven = await self.store.do(Redrive(tenant, some, at, every_s))
            self.wake_legs(redriven.wakes)
            left = [letter for letter, ref in redriven.intakes if not await self.read_again(ref)]
            unread += left
            done += [id for id in redriven.redriven if id not in set(left)]
            skipped += redriven.skipped
        return {"redriven": done, "skipped": skipped, "unread": unread}

    async def matching(self, tenant: str, where: Mapping[str, str] | None) -> list[str]:
        """The ids of the dead letters that a filter matches, oldest first."""
        if where is None or set(where) - set(FILTERS):
            raise RequestError(
                Code.INVALID,
                "say which dead letters: ids, or a filter",
                mistakes=(Mistake("/where", f"has some of {', '.join(FILTERS)}"),),
            )
        found: list[str] = []
        after: str | None = ""
        while after is not None and len(found) < REDRIVE_MAX:
            query = DeadLetters(
                tenant,
                after,
                PAGE,
                where.get("kind"),
                where.get("channel_id"),
                where.get("reason"),
            )
            page = await self.store.ask(query)
            found += [letter.id for letter in page.rows]
            after = page.next
        return found[:REDRIVE_MAX]


def shown(intake: Intake | None) -> JsonObject:
    """The beginning of an intake's bytes, for an operator who looks for what is wrong with it."""
    if intake is None:
        return {"gone": True}
    text = (intake.body or b"")[:SHOWN_BYTES_MAX].decode("utf-8", "replace")
    return {
        "intake_id": intake.id,
        "hook": intake.hook,
        "bytes": intake.size,
        "problem": intake.problem,
        "begins": text,
        "blob": intake.blob,
    }
