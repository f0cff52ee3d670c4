"""Stored intakes, read once more: those of channels that were not known, and those redriven."""

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from omni_actors import telemetry
from omni_actors.gateway.hooks import Hook
from omni_actors.gateway.intake import Receiver
from omni_actors.gateway.mail_intake import SOURCE, MailIntake
from omni_actors.media.blobs import Blob, Blobs, Missing
from omni_actors.store.contract import Store
from omni_actors.store.queries import IntakeBody, Unclaimed
from omni_actors.store.rows import Channel
from omni_actors.store.verbs import ForgetUnclaimed, Intake


@frozen
class Rereader:
    """Gives what is stored to the receiver again; what it tells takes effect as if it came now."""

    store: Store
    blobs: Blobs
    receiver: Receiver
    mail: MailIntake
    hooks: Callable[[], Mapping[str, Hook]]
    draining: Callable[[], bool]

    async def take_up_unclaimed(self, channels: Sequence[Channel]) -> None:
        """Read again what came for these channels before they were known here."""
        for channel in channels:
            named = channel.platform, channel.channel_key
            while not self.draining() and (page := await self.store.ask(Unclaimed(*named))):
                for intake_id in page:
                    await self.read_again(intake_id)
                    await self.store.do(ForgetUnclaimed(*named, intake_id))

    async def read_again(self, intake_id: str) -> bool:
        """Whether an intake is understood by now; not where its hook or its bytes are gone."""
        intake = await self.store.ask(IntakeBody(intake_id))
        hook = self.hooks().get(intake.hook) if intake else None
        try:
            if intake is not None and intake.hook.startswith(SOURCE):
                return await self.mail.take_again(intake)
            if intake is not None and hook is not None:
                raw = await self.bytes_of(intake)
                return await self.receiver.keep_again(hook, intake, raw)
        except (Missing, OSError) as problem:
            telemetry.error("intake.gone", intake_id=intake_id, error=type(problem).__name__)
            return False
        telemetry.warning("intake.not_reread", intake_id=intake_id, known=intake is not None)
        return False

    async def bytes_of(self, intake: Intake) -> bytes:
        """The raw bytes of an intake, wherever they are. Raises Missing, OSError."""
        if intake.blob is None:
            return intake.body or b""
        async with self.blobs.open_source(Blob(intake.blob, intake.size)) as source:
            return b"".join([chunk async for chunk in source])
