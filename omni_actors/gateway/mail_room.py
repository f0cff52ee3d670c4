"""The mailboxes of this house: each channel that has one gets a desk that keeps it read."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import trio
from attrs import define, field

from omni_actors import telemetry
from omni_actors.actors.mailbox import Lane, Told
from omni_actors.actors.system import System
from omni_actors.adapters.contract import Adapter
from omni_actors.gateway.ground import Ground
from omni_actors.gateway.intake import Receiver
from omni_actors.gateway.mail_desk import Changed, MailDesk
from omni_actors.gateway.mail_intake import MailIntake
from omni_actors.gateway.mail_parts import MailParts
from omni_actors.gateway.mail_session import Doing, Footing, MailboxHealth
from omni_actors.gateway.refreshing import Refresher
from omni_actors.gateway.sender import Route
from omni_actors.store.rows import Channel

MAILBOXES = "mailbox"


@define
class MailRoom:
    """Knows who reads which mailbox, and how each of them is."""

    footing: Footing
    system: System
    adapters: Mapping[str, Adapter[Any, Any]]
    channels: Callable[[], Mapping[str, Channel]]
    routes: Callable[[], Mapping[str, Route]]
    changed: Callable[[Channel], None]
    refresher: Callable[[], Refresher]
    chance: Random
    ending: trio.Event
    parts: MailParts
    healths: dict[str, MailboxHealth] = field(factory=dict)

    @property
    def intake(self) -> MailIntake:
        """Takes in mails."""
        return self.footing.intake

    def attend(self, channel: Channel) -> None:
        """Have the mailbox of a channel read, or see what of it has changed."""
        adapter = self.adapters.get(channel.platform)
        if adapter is None or adapter.mailbox is None or self.ending.is_set():
            return
        address = f"{MAILBOXES}/{channel.id}"
        if channel.id in self.healths:
            told = self.system.tell(address, Changed(), lane=Lane.SYSTEM)
            if told is not Told.ACCEPTED:
                telemetry.debug("mailbox.not_told", channel_id=channel.id, told=told.name)
            return
        health = self.healths[channel.id] = MailboxHealth(since=self.footing.now())
        self.system.spawn(address, lambda: self.desk(channel.id, health), group="desks")

    def desk(self, channel_id: str, health: MailboxHealth) -> MailDesk:
        """Who reads the mailbox of a channel."""
        return MailDesk(
            footing=self.footing,
            channel=lambda: self.channels()[channel_id],
            route=lambda: self.routes().get(channel_id),
            told=self.changed,
            refresher=self.refresher(),
            chance=self.chance,
            ending=self.ending,
            health=health,
        )

    def problem(self, channel_id: str) -> str | None:
        """Why the mailbox of a channel is not read, or not wholly."""
        health = self.healths.get(channel_id)
        if health is None or health.problem is None or health.doing is Doing.OFF:
            return None
        return f"The mailbox is {health.doing.value.replace('_', ' ')}: {health.problem}."

    def measure(self) -> None:
        """Set the gauges of all mailboxes."""
        for channel_id, health in self.healths.items():
            down = health.doing in (Doing.CONNECTING, Doing.BACKING_OFF, Doing.REFUSED)
            telemetry.of(telemetry.MAILBOX_DOWN, channel_id).set(down)
            telemetry.of(telemetry.MAILBOX_BEHIND, channel_id).set(health.behind)


def open_mail_room(
    ground: Ground,
    receiver: Receiver,
    *,
    channels: Callable[[], Mapping[str, Channel]],
    routes: Callable[[], Mapping[str, Route]],
    changed: Callable[[Channel], None],
    refresher: Callable[[], Refresher],
    ending: trio.Event,
) -> MailRoom:
    """The mailboxes of a house on this ground; nothing is read yet."""
    intake = MailIntake(receiver, ground.blobs, ground.adapters, channels, routes)
    footing = Footing(
        ground.store,
        ground.blobs,
        intake,
        ground.open_mailbox,
        ground.clock.now,
        ground.low_on_disk,
    )
    return MailRoom(
        footing,
        ground.system,
        ground.adapters,
        channels,
        routes,
        changed,
        refresher,
        ground.chance,
        ending,
        MailParts(ground.blobs),
    )
