"""Fetching what customers sent over Messenger and Instagram."""

import json
from typing import Any

import pytest

from omni_actors.adapters.contract import Fetched
from omni_actors.adapters.messenger.settings import MessengerSettings
from omni_actors.adapters.meta.media import DOWNLOAD_BYTES_MAX, fetch
from omni_actors.model.failure import Failure, Kind, Reason, SendFailure
from omni_actors.model.reports import MediaRef
from omni_actors.wire.calls import Auth, HttpReply
from tests.adapters.kit import play

PAGE = MessengerSettings("104500000000001")
SANDBOX = MessengerSettings("104500000000001", "http://127.0.0.1:8090")
CDN = "https://scontent.xx.fbcdn.net/v/a.jpg?oe=6B2F0A10"
ANEW = "https://scontent.xx.fbcdn.net/v/a.jpg?oe=6B2FFFFF"


def ref(url: str = CDN, nth: int = 0, **more: Any) -> MediaRef:
    return MediaRef({"url": url, "mid": "m_Att0002", "n": nth}, **more)


def streamed(**headers: str) -> HttpReply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpReply(200, named, blob="blob-1", size=61_901)


def attached(*attachments: dict[str, Any]) -> HttpReply:
    told = {"id": "m_Att0002", "attachments": {"data": list(attachments)}}
    return HttpReply(200, {}, json.dumps(told).encode())


def failure_of(
    medium: MediaRef, *replies: HttpReply, settings: MessengerSettings = PAGE
) -> Failure:
    with pytest.raises(SendFailure) as failed:
        play(fetch(medium, settings, 1.0), *replies)
    return failed.value.failure


def test_a_signed_address_is_fetched_without_the_token() -> None:
    named = streamed(content_type="image/jpeg", content_disposition='attachment; filename="a.jpg"')

    [call], fetched = play(fetch(ref(), PAGE, 1.0), named)

    assert (call.url, call.auth, call.download, call.guarded) == (CDN, Auth.NONE, True, True)
    assert (call.idempotent, call.bytes_max) == (True, DOWNLOAD_BYTES_MAX)
    assert fetched == Fetched("blob-1", 61_901, "image/jpeg", "a.jpg")


@pytest.mark.parametrize("status", [403, 404, 410])
@pytest.mark.parametrize(
    "kept", [{"image_data": {"url": ANEW}}, {"video_data": {"url": ANEW}}, {"file_url": ANEW}]
)
def test_an_address_that_is_good_no_more_is_asked_for_anew(
    status: int, kept: dict[str, Any]
) -> None:
    replies = (HttpReply(status), attached({"file_url": CDN}, kept), streamed())

    calls, fetched = play(fetch(ref(nth=1), PAGE, 1.0), *replies)

    assert calls[1].url == "https://graph.facebook.com/v25.0/m_Att0002"
    assert (calls[1].query, calls[1].auth) == ({"fields": "attachments"}, Auth.PROOF)
    assert (calls[2].url, calls[2].auth, fetched.blob) == (ANEW, Auth.NONE, "blob-1")


LOST = {
    "none is named": (attached(),),
    "another host is named": (attached({"file_url": "https://files.example/a"}),),
    "the message is too old": (
        HttpReply(400, {}, b'{"error": {"code": 9000001, "message": "deleted"}}'),
    ),
    "it is good no more either": (attached({"file_url": ANEW}), HttpReply(404)),
}


@pytest.mark.parametrize("replies", LOST.values(), ids=LOST.keys())
def test_a_medium_that_cannot_be_had_any_more_is_lost(replies: tuple[HttpReply, ...]) -> None:
    failure = failure_of(ref(), HttpReply(404), *replies)

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.MEDIA_UNREACHABLE)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_stumble_is_tried_again(status: int) -> None:
    assert failure_of(ref(), HttpReply(status)).kind in (Kind.TRANSIENT, Kind.THROTTLED)


FOREIGN = [
    "https://files.example/a.jpg",
    "http://scontent.xx.fbcdn.net/a.jpg",
    "https://fbcdn.net.example/a.jpg",
    "https://evilfbcdn.net/a.jpg",
    "http://127.0.0.1:8090/a.jpg",
    "file:///etc/passwd",
    "https://[::1",
]


@pytest.mark.parametrize("url", FOREIGN)
def test_no_other_host_is_asked(url: str) -> None:
    assert failure_of(ref(url)).reason is Reason.MEDIA_UNREACHABLE


def test_a_platform_that_this_machine_plays_keeps_its_own_media() -> None:
    [call], _ = play(fetch(ref("http://127.0.0.1:8090/media/1"), SANDBOX, 1.0), streamed())

    assert (call.auth, call.guarded) == (Auth.NONE, False)
    assert failure_of(ref("http://127.0.0.1:9999/media/1"), settings=SANDBOX)
