"""The actors of the house of which there is one each."""

from functools import partial
from typing import TYPE_CHECKING

from omni_actors.gateway import echo_bot
from omni_actors.gateway.copy_desk import CopyDesk
from omni_actors.gateway.echo_bot import EchoBot
from omni_actors.gateway.grant_desk import GrantDesk
from omni_actors.gateway.history_desk import HistoryDesk
from omni_actors.gateway.limit_desk import LimitDesk
from omni_actors.gateway.media_desk import MediaDesk
from omni_actors.gateway.outreach_desk import OutreachDesk
from omni_actors.gateway.people_desk import PeopleDesk
from omni_actors.gateway.template_desk import TemplateDesk
from omni_actors.gateway.timekeeper import Timekeeper

if TYPE_CHECKING:
    from omni_actors.gateway.house import House

BOT = "bot/echo"
MEDIA = "desk/media"
TIME = "desk/time"
TEMPLATES = "desk/templates"
GRANTS = "desk/grants"
OUTREACH = "desk/outreach"
LIMITS = "desk/limits"
HISTORY = "desk/history"
PEOPLE = "desk/people"
COPIES = "desk/copies"


def spawn_desks(house: "House") -> None:
    """Let them all begin."""
    ground, system = house.ground, house.ground.system
    now = ground.clock.now
    spawn = partial(system.spawn, group="desks")
    spawn(
        TIME,
        lambda: Timekeeper(
            ground.store,
            ground.blobs,
            now,
            house.wake_legs,
            lambda: house.plan.keep,
            house.take_keys_used,
            house.changed,
            lambda: house.plan.window_closing_s,
        ),
    )
    spawn(
        MEDIA,
        lambda: MediaDesk(
            ground.store,
            ground.blobs,
            ground.hands,
            lambda: house.routes,
            now,
            ground.chance,
            house.mail.parts,
        ),
    )
    spawn(
        OUTREACH,
        lambda: OutreachDesk(
            ground.store, now, house.pacer.lines, house.limiters.__getitem__, house.wake_legs
        ),
    )
    spawn(
        COPIES,
        lambda: CopyDesk(
            ground.store,
            house.sender(),
            now,
            ground.chance,
            lambda: house.channels,
            lambda: house.routes,
            lambda: house.limiters,
            house.complain,
        ),
    )
    ending = house.drain_begun
    spawn(LIMITS, lambda: LimitDesk(house.limit_reader, now, ending))
    spawn(TEMPLATES, lambda: TemplateDesk(house.templates, now, ground.chance, ending))
    spawn(GRANTS, lambda: GrantDesk(house.grants, now, ground.chance, ending))
    spawn(HISTORY, lambda: HistoryDesk(house.histories, now, ending))
    spawn(
        PEOPLE,
        lambda: PeopleDesk(
            ground.store, ground.blobs, ground.hands, lambda: house.routes, house.ids, now, ending
        ),
    )
    if house.plan.bot == echo_bot.CONSUMER:
        spawn_bot(house)


def spawn_bot(house: "House") -> None:
    """Let the built-in bot answer."""
    adapters = house.ground.adapters
    mailed = frozenset(name for name, each in adapters.items() if each.mailbox is not None)
    house.ground.system.spawn(
        BOT,
        lambda: EchoBot(house.ground.store, house.submitter, lambda: house.plan.rules, mailed),
        group="bots",
    )
