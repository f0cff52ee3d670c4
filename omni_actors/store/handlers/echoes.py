"""Which of our parts an echo repeats: the platform tells everything that the business says."""

from omni_actors.model.content import Content, Text
from omni_actors.model.reports import Echoed
from omni_actors.model.states import PartStatus
from omni_actors.store.codec import decode_content
from omni_actors.store.handlers.control import our_app
from omni_actors.store.handlers.effects import Effects, Home
from omni_actors.store.handlers.part_work import PartWork
from omni_actors.store.handlers.people import Reach

TRY_S = 180.0  # no try takes longer
CLOCKS_S = 5.0  # the platform's clock and ours may differ so much


def own_part(effects: Effects, home: Home, report: Echoed) -> PartWork | None:
    """The part of ours that this echo repeats.

    By callback or external id; failing that, an echo of our own app, or of one that is not named,
    is of the one part of its leg that is on the wire, or of an earlier try of it, if the words are
    the same: an echo may also come late, of what was sent before.
    """
    part = matched(effects, home, report.callback, report.external_id)
    if part is not None or not _may_be_ours(home, report):
        return part
    reach = _reach_of(effects, home, report)
    part_id = effects.on_wire(reach) if reach else None
    if part_id is None or not _says_the_same(effects, part_id, report.content):
        return None
    effects.parts.load([part_id])
    part = effects.parts.get(part_id)
    waits = part is not None and part.status in (PartStatus.SENDING, PartStatus.UNKNOWN)
    if part is None or not waits or (_is_before(part, report) and not part.tried_before):
        return None
    return part


def tried_part(effects: Effects, home: Home, report: Echoed) -> PartWork | None:
    """The part of which this echo repeats a try whose answer was lost, and that was given up since:
    the part was sent once more, or is to be. The platform may tell of it late."""
    if not _may_be_ours(home, report):
        return None
    reach = _reach_of(effects, home, report)
    for part_id in effects.tried_twice(reach) if reach else ():
        effects.parts.load([part_id])
        part = effects.parts.get(part_id)
        if part is None or not _says_the_same(effects, part_id, report.content):
            continue
        if _is_of_a_try(part, report):
            return part
    return None


def _is_of_a_try(part: PartWork, report: Echoed) -> bool:
    """Whether something was said before the newest try of a part, or by that where fewer of its
    tries are known than there were."""
    if part.wire_at is None:
        return False
    unknown = len(part.external_ids) < part.attempts
    return report.at < part.wire_at + (TRY_S if unknown else 0.0)


def _may_be_ours(home: Home, report: Echoed) -> bool:
    """Whether an echo is of our app, or nobody knows of which."""
    ours = our_app(home.settings)
    if report.app_id is None:
        return report.anonymous
    return ours is None or ours == report.app_id


def _reach_of(effects: Effects, home: Home, report: Echoed) -> Reach | None:
    person = effects.people.find(home.tenant, home.platform, report.identities)
    return person.legs.get(home.id) if person else None


def _is_before(part: PartWork, report: Echoed) -> bool:
    """Whether something was said before a part went out; clocks may differ a little."""
    return part.wire_at is not None and report.at < part.wire_at - CLOCKS_S


def _says_the_same(effects: Effects, part_id: str, told: Content) -> bool:
    """Whether a part may be what an echo repeats: the same words, or else something that is no
    text. Of a question that goes away with the next message only the words are told."""
    stored = effects.content_of_part(part_id)
    ours = None if stored is None else decode_content(stored)
    if isinstance(told, Text):
        words = getattr(ours, "text", None)
        return isinstance(words, str) and words.split() == told.text.split()
    return ours is not None and not isinstance(ours, Text)


def matched(
    effects: Effects, home: Home, callback: str | None, external_id: str
) -> PartWork | None:
    """Our part, by the callback that we sent along or by its external id on this channel."""
    part = effects.parts.get(callback)
    if part is None:
        target = effects.target(home.id, external_id)
        part = effects.parts.get(target[1]) if target else None
    return part if part is not None and part.message.channel_id == home.id else None
