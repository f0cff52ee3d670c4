"""A mail from a mailbox on its way into the house: parsed beside the run loop, stored whole."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import trio
from attrs import evolve, frozen

from omni_actors import telemetry
from omni_actors.adapters.contract import Adapter, Undecodable
from omni_actors.gateway.intake import Parsed, Receiver, Told, parsed
from omni_actors.gateway.uploads import Route
from omni_actors.media.blobs import Blob, Blobs, Missing
from omni_actors.model.content import Email, UnsupportedContent
from omni_actors.model.ids import INTAKE
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import ChannelReported, Received, Report, Severity
from omni_actors.store.mail import MailPlace, MailState, MailTaken
from omni_actors.store.rows import Channel
from omni_actors.store.verbs import Intake

SOURCE: Final = "mailbox:"  # no hook has a colon in its id
PARSE_TIMEOUT_S: Final = 60.0


def source_of(channel_id: str) -> str:
    """Where the intakes of a channel's mails come from."""
    return SOURCE + channel_id


@frozen
class Letter:
    """A mail that was fetched: where it lies, its bytes in a blob, when it came (unix seconds).

    `of_old`: it was long there when its mailbox was read for the first time. `whole_size` is how
    many bytes it has where only its headers were fetched, because more than `size_max` are not.
    """

    place: MailPlace
    blob: Blob
    at: float
    of_old: bool = False
    whole_size: int | None = None
    size_max: int = 0


@frozen
class MailIntake:
    """Takes in the mails that are read from mailboxes."""

    receiver: Receiver
    blobs: Blobs
    adapters: Mapping[str, Adapter[Any, Any]]
    channels: Callable[[], Mapping[str, Channel]]
    routes: Callable[[], Mapping[str, Route]]

    async def take(self, channel: Channel, letter: Letter) -> MailState:
        """Store a mail with what it says, and that it was read; what became of it."""
        receiver = self.receiver
        told = await self.read(channel, letter)
        state, error = MailState.TAKEN, told.problem
        if told.problem is not None:
            state = MailState.QUARANTINED
            told = self.told_of(channel, letter.place, told.problem)
        elif letter.whole_size is not None:
            state, error = MailState.TOO_LARGE, f"{letter.whole_size} bytes"
        intake = Intake(
            receiver.ids(INTAKE),
            source_of(channel.id),
            receiver.now(),
            letter.blob.size,
            blob=letter.blob.sha256,
            problem=told.problem,
        )
        await receiver.take(intake, told, MailTaken(letter.place, state, error))
        telemetry.of(telemetry.INTAKES, SOURCE.rstrip(":"), state.value).inc()
        return state

    async def give_up(self, channel: Channel, place: MailPlace, problem: str) -> None:
        """Keep that there is a mail that cannot be had, and go on behind it."""
        receiver = self.receiver
        told = self.told_of(channel, place, problem)
        intake = await receiver.intake(source_of(channel.id), b"", problem)
        await receiver.take(intake, told, MailTaken(place, MailState.QUARANTINED, problem))
        state = MailState.QUARANTINED.value
        telemetry.of(telemetry.INTAKES, SOURCE.rstrip(":"), state).inc()

    def told_of(self, channel: Channel, place: MailPlace, problem: str) -> Told:
        """The news of a mail that could not be read."""
        telemetry.warning("mailbox.quarantined", channel_id=channel.id, uid=place.uid)
        report = quarantined(channel, place, problem, self.receiver.now())
        items = self.receiver.items(self.adapters[channel.platform], [report])
        return Told(items, problem, channel.platform)

    async def take_again(self, intake: Intake) -> bool:
        """Read a stored mail once more; whether it is understood now. Raises Missing, OSError."""
        channel = self.channels().get(intake.hook.removeprefix(SOURCE))
        if channel is None or intake.blob is None:
            return False
        place = MailPlace(channel.id, "", 0, 0)
        letter = Letter(place, Blob(intake.blob, intake.size), intake.received_at)
        return await self.receiver.take_again(intake, await self.read(channel, letter))

    def settings_of(self, channel: Channel) -> Any | None:
        """The settings of a channel, if they can be read."""
        route = self.routes().get(channel.id)
        return route.settings if route else None

    async def read(self, channel: Channel, letter: Letter) -> Told:
        """What a mail tells. Raises Missing and OSError where its bytes cannot be read.

        What takes too long is a problem of the mail; its thread is left to end by itself.
        """
        adapter = self.adapters[channel.platform]
        desk = adapter.mailbox
        assert desk is not None, f"{channel.platform} has no mailboxes"
        raw_of, settings = self.blobs.path_of(letter.blob), self.settings_of(channel)

        def begin() -> None:
            limit.deadline = trio.current_time() + PARSE_TIMEOUT_S

        def parse() -> Parsed:
            trio.from_thread.run_sync(begin)  # until now it waited for others
            raw, blob = raw_of.read_bytes(), letter.blob.sha256
            try:
                document = desk.document(raw, channel.channel_key, settings, letter.at, blob)
            except Undecodable as problem:
                return Parsed(problem=str(problem))
            return of_letter(adapter, document, channel, letter)

        with trio.CancelScope() as limit:
            try:
                return self.receiver.told(await self.receiver.in_thread(parse))
            except FileNotFoundError:
                raise Missing(letter.blob) from None
        return Told(problem=f"it could not be read within {PARSE_TIMEOUT_S:.0f} s")


def of_letter(
    adapter: Adapter[Any, Any],
    document: Any,
    channel: Channel,
    letter: Letter,
) -> Parsed:
    """What the adapter makes of a mail; runs in a thread."""
    found = parsed(adapter, document, source_of(channel.id))
    return evolve(found, reports=tuple([fitted(report, letter) for report in found.reports]))


def fitted(report: Report, letter: Letter) -> Report:
    """What a mail says, as far as it was read, and as news only if it is."""
    if not isinstance(report, Received):
        return report
    if letter.whole_size is not None:
        reason = (
            f"The mail has {letter.whole_size} bytes; of one with more than {letter.size_max} only "
            f"the headers are read."
        )
        told: dict[str, Json] = {"size": letter.whole_size}
        if isinstance(report.content, Email):
            told["subject"] = report.content.subject
        notes = {**(report.notes or {}), "too_large": told}
        content = UnsupportedContent("email", reason)
        report = evolve(report, content=content, media=(), notes=notes)
    return evolve(report, synced=True) if letter.of_old else report


def quarantined(channel: Channel, place: MailPlace, problem: str, at: float) -> ChannelReported:
    """The news of a mail that could not be read, for the channel's operator."""
    detail: JsonObject = {
        "type": "mail_quarantined",
        "mailbox": place.mailbox,
        "uid": place.uid,
        "text": problem,
    }
    key = f"quarantine:{place.mailbox}:{place.uidvalidity}:{place.uid}"
    return ChannelReported(channel.channel_key, key, at, (), "mail", Severity.WARNING, detail)
