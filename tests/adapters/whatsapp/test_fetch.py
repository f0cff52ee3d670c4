"""Fetching a customer's medium."""

import json
from typing import Any

import pytest

from omni_actors.adapters.contract import Fetched
from omni_actors.adapters.whatsapp.outbound import fetch
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.reports import MediaRef
from omni_actors.wire.calls import Auth, HttpReply
from tests.adapters.kit import play

NUMBER = WhatsAppSettings("770011223344556")
REF = MediaRef({"id": "8840011"}, mime="image/png", filename="p.png")
ADDRESS = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=8840011"


def found(url: str = ADDRESS, **more: Any) -> HttpReply:
    return HttpReply(200, {}, json.dumps({"url": url, "id": "8840011", **more}).encode())


def streamed(**headers: str) -> HttpReply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpReply(200, named, blob="blob-1", size=61_901)


def refused(code: int, status: int = 400, **more: Any) -> HttpReply:
    return HttpReply(status, {}, json.dumps({"error": {"code": code, **more}}).encode())


def failure_of(ref: MediaRef, *replies: HttpReply) -> Failure:
    with pytest.raises(SendFailure) as failed:
        play(fetch(ref, NUMBER), *replies)
    return failed.value.failure


def test_a_medium_is_looked_up_and_streamed_with_the_token() -> None:
    calls, fetched = play(fetch(REF, NUMBER), found(), streamed(content_type="image/jpeg"))

    assert calls[0].url == "https://graph.facebook.com/v25.0/8840011"
    assert calls[0].query == {"phone_number_id": "770011223344556"}
    assert (calls[1].url, calls[1].auth, calls[1].download) == (ADDRESS, Auth.BEARER, True)
    assert (calls[1].guarded, calls[1].idempotent, calls[1].bytes_max) == (False, True, 100 << 20)
    assert fetched == Fetched("blob-1", 61_901, "image/jpeg", "p.png")


def test_the_type_falls_back_to_what_was_told_before() -> None:
    _calls, resolved = play(fetch(REF, NUMBER), found(mime_type="image/webp"), streamed())
    _calls, told = play(fetch(REF, NUMBER), found(), streamed())

    assert (resolved.mime, told.mime) == ("image/webp", "image/png")


def test_an_address_that_is_gone_is_asked_for_once_more() -> None:
    calls, fetched = play(
        fetch(REF, NUMBER), found(), HttpReply(404), found(ADDRESS + "&again"), streamed()
    )

    assert calls[3].url == ADDRESS + "&again"
    assert fetched.blob == "blob-1"


def test_a_medium_that_stays_gone_is_given_up() -> None:
    failure = failure_of(REF, found(), HttpReply(404), found(), HttpReply(404))

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.MEDIA_UNREACHABLE)


@pytest.mark.parametrize("url", ["https://elsewhere.example/a", "https://[bad", "ftp://a.example"])
def test_the_token_is_not_shown_to_a_host_that_is_not_the_platforms(url: str) -> None:
    calls, _fetched = play(fetch(REF, NUMBER), found(url), streamed())

    assert (calls[1].auth, calls[1].guarded) == (Auth.NONE, True)


def test_a_sandbox_serves_media_from_its_own_host() -> None:
    sandbox = WhatsAppSettings("770011223344556", "http://127.0.0.1:8090/")

    calls, _fetched = play(fetch(REF, sandbox), found("http://127.0.0.1:8090/media/1"), streamed())

    assert calls[0].url == "http://127.0.0.1:8090/v25.0/8840011"
    assert (calls[1].auth, calls[1].guarded) == (Auth.BEARER, False)


def test_the_proof_of_the_app_secret_goes_to_the_graph_and_not_with_the_download() -> None:
    calls, _fetched = play(fetch(REF, NUMBER), found(), streamed())

    assert [call.auth for call in calls] == [Auth.PROOF, Auth.BEARER]


def test_an_id_from_outside_stays_one_segment_of_the_path() -> None:
    calls, _fetched = play(fetch(MediaRef({"id": "../me?x"}), NUMBER), found(), streamed())

    assert calls[0].url == "https://graph.facebook.com/v25.0/..%2Fme%3Fx"


@pytest.mark.parametrize("reply", [refused(100, error_subcode=33), refused(33), refused(131052)])
def test_a_medium_that_is_not_known_does_not_break_the_channel(reply: HttpReply) -> None:
    failure = failure_of(REF, reply)

    assert (failure.kind, failure.scope) == (Kind.REJECTED, Scope.PART)
    assert failure.reason is Reason.MEDIA_UNREACHABLE


def test_an_expired_token_breaks_the_channel_here_too() -> None:
    failure = failure_of(REF, refused(190, 401))

    assert (failure.kind, failure.reason) == (Kind.BROKEN, Reason.CREDENTIALS_EXPIRED)


HICCUPS = {
    "no address": (HttpReply(200, {}, b"{}"),),
    "no bytes": (found(), HttpReply(200)),
    "a bad gateway while looking up": (HttpReply(502),),
    "a bad gateway while streaming": (found(), HttpReply(502)),
}


@pytest.mark.parametrize("replies", HICCUPS.values(), ids=HICCUPS.keys())
def test_a_stumble_of_the_platform_is_tried_again(replies: tuple[HttpReply, ...]) -> None:
    assert failure_of(REF, *replies).kind is Kind.TRANSIENT


def test_a_reference_without_an_id_is_refused() -> None:
    assert failure_of(MediaRef({})).reason is Reason.MEDIA_UNREACHABLE
