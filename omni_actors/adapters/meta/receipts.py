"""Receipts: what was delivered and read, message by message or up to a moment.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/message-deliveries
"""

from collections.abc import Iterator

from omni_actors.adapters.meta.scene import Scene
from omni_actors.adapters.reading import Malformed, needed_mapping, seconds, sequence, text
from omni_actors.model.json import JsonObject
from omni_actors.model.reports import Report, StatusReported, WatermarkReported
from omni_actors.model.states import PartStatus


def delivered(item: JsonObject, scene: Scene) -> Iterator[Report]:
    """Each message that is named was delivered, and all up to the watermark."""
    delivery = needed_mapping(item.get("delivery"), "delivery")
    mids = [mid for each in sequence(delivery.get("mids")) if (mid := text(each))]
    status = PartStatus.DELIVERED
    reports: list[Report] = [_status(mid, status, item, scene, sweeps=False) for mid in mids]
    if seconds(delivery.get("watermark")):
        reports.append(_watermark(delivery, status, item, scene))
    if not reports:
        raise Malformed("it names neither messages nor a watermark")
    yield from reports


def read(item: JsonObject, scene: Scene) -> Iterator[Report]:
    """Everything up to the watermark was read; or one message was, and with it all before it."""
    seen = needed_mapping(item.get("read"), "read")
    if mid := text(seen.get("mid")):
        yield _status(mid, PartStatus.READ, item, scene, sweeps=True)
    elif seconds(seen.get("watermark")):
        yield _watermark(seen, PartStatus.READ, item, scene)
    else:
        raise Malformed("it names neither a message nor a watermark")


def _status(
    mid: str, status: PartStatus, item: JsonObject, scene: Scene, *, sweeps: bool
) -> StatusReported:
    key, person = f"{status.value}:{mid}", scene.person(item)
    when = scene.when(item)
    return StatusReported(scene.channel_key, key, when, person, mid, status, sweeps=sweeps)


def _watermark(
    told: JsonObject, status: PartStatus, item: JsonObject, scene: Scene
) -> WatermarkReported:
    person, until = scene.person(item), seconds(told.get("watermark"))
    key = f"{status.value}:{person[0].value}:{text(told.get('watermark'))}"
    return WatermarkReported(scene.channel_key, key, scene.when(item), person, status, until)
