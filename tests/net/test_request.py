"""What goes out over HTTP, with which credential, and what of it the operator sees."""

import hmac
import json
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from omni_actors import __version__
from omni_actors.media.blobs import Blobs
from omni_actors.model.failure import Kind, Reason
from omni_actors.net.http import HttpHands
from omni_actors.net.multipart import form_frame
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import Auth, HttpCall, Secret, Upload
from tests.net.kit import (
    APP_SECRET,
    LOOPBACK_OPEN,
    TOKEN,
    Peer,
    Served,
    account,
    failure_of,
    friendly,
    hands_of,
    serving,
)

MB = 1 << 20
DOCUMENT = {"to": "491511234567", "type": "text", "text": {"body": "Grüße 👋"}}


async def test_a_document_goes_out_as_compact_json_with_the_token(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        call = HttpCall("POST", served.url(), json=DOCUMENT)

        reply = await hands.make(call, account(served), Trace())

    [seen] = served.seen
    assert (reply.status, reply.document()) == (200, {})
    assert json.loads(seen.body) == DOCUMENT
    assert "Grüße 👋".encode() in seen.body
    assert (seen.method, seen.target) == ("POST", "/v23.0/42/messages")
    assert seen.headers == {
        "host": served.host,
        "user-agent": f"omni-actors/{__version__}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "authorization": f"Bearer {TOKEN}",
        "content-length": str(len(seen.body)),
        "content-type": "application/json",
    }


async def test_half_a_surrogate_pair_goes_out_escaped(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        call = HttpCall("POST", served.url(), json={"body": "cut \ud83d"})

        await hands.make(call, account(served), Trace())

    assert served.seen[0].body == b'{"body":"cut \\ud83d"}'


async def test_a_form_goes_out_urlencoded(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        call = HttpCall("POST", served.url(), form={"a b": "c&d", "e": "ü"})

        await hands.make(call, account(served), Trace())

    [seen] = served.seen
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(seen.body.decode()) == {"a b": ["c&d"], "e": ["ü"]}


async def test_raw_bytes_go_out_untouched_with_the_headers_of_the_call(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        headers = {"Content-Type": "application/json", "webhook-id": "evt_1"}
        call = HttpCall("POST", served.url(), Auth.NONE, headers=headers, body=b'{ "a" :1}')

        await hands.make(call, account(served), Trace())

    [seen] = served.seen
    assert seen.body == b'{ "a" :1}'
    assert (seen.headers["content-type"], seen.headers["webhook-id"]) == (
        "application/json",
        "evt_1",
    )
    assert "authorization" not in seen.headers


async def test_the_query_of_the_call_joins_that_of_the_url(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        call = HttpCall("GET", served.url("/m?id=1"), query={"fields": "a,b c"})

        await hands.make(call, account(served), Trace())

    [seen] = served.seen
    assert seen.target == "/m?id=1&fields=a%2Cb%20c"
    assert "content-length" not in seen.headers


async def test_a_post_without_a_body_says_that_it_has_none(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        await hands.make(HttpCall("POST", served.url()), account(served), Trace())

    assert served.seen[0].headers["content-length"] == "0"


async def test_the_token_can_go_in_the_query(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        await hands.make(HttpCall("GET", served.url(), Auth.QUERY), account(served), Trace())

    [seen] = served.seen
    assert parse_qs(urlsplit(seen.target).query) == {"access_token": [TOKEN]}
    assert "authorization" not in seen.headers


async def test_a_proof_goes_beside_the_token(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        await hands.make(HttpCall("GET", served.url(), Auth.PROOF), account(served), Trace())

    [seen] = served.seen
    proof = hmac.new(APP_SECRET.encode(), TOKEN.encode(), sha256).hexdigest()
    assert parse_qs(urlsplit(seen.target).query) == {"appsecret_proof": [proof]}
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"


async def test_the_proof_agrees_with_its_vector(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        by = account(served, app_secret="omni-test-secret", token="EAAmadeup123")
        await hands.make(HttpCall("GET", served.url(), Auth.PROOF), by, Trace())

    [seen] = served.seen
    assert seen.target.endswith(
        "?appsecret_proof=a6c1e40120a42c4fe5d464671e0734ded1fe3bb2fb12d52b02da2208a2fb711e"
    )


async def test_without_an_app_secret_the_token_goes_alone(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        by = account(served, app_secret=None)
        await hands.make(HttpCall("GET", served.url("/m"), Auth.PROOF), by, Trace())

    [seen] = served.seen
    assert (seen.target, seen.headers["authorization"]) == ("/m", f"Bearer {TOKEN}")


async def test_a_token_can_be_what_is_asked_about(hands: HttpHands) -> None:
    trace = Trace()
    async with serving(friendly) as served:
        await hands.make(HttpCall("GET", served.url(), Auth.INSPECT), account(served), trace)

    [seen] = served.seen
    asked = parse_qs(urlsplit(seen.target).query)
    assert (asked["input_token"], set(asked)) == ([TOKEN], {"input_token", "appsecret_proof"})
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(trace.as_json())


async def test_an_app_speaks_for_itself(hands: HttpHands) -> None:
    async with serving(friendly) as served:
        by = account(served, app_id="70001")
        await hands.make(HttpCall("GET", served.url(), Auth.APP), by, Trace())

    assert served.seen[0].headers["authorization"] == f"Bearer 70001|{APP_SECRET}"


async def test_secrets_go_where_the_call_names_them_and_are_not_shown(hands: HttpHands) -> None:
    trace = Trace()
    named = {"client_secret": Secret.APP_SECRET, "code": Secret.CODE, "old": Secret.TOKEN}
    async with serving(friendly) as served:
        by = evolve(account(served), code="c0de-of-a-login")
        form = HttpCall("POST", served.url(), Auth.NONE, form={"a": "1"}, secrets=named)
        query = HttpCall("GET", served.url(), Auth.NONE, query={"a": "1"}, secrets=named)

        await hands.make(form, by, trace)
        await hands.make(query, by, trace)

    posted, got = served.seen
    expected = {
        "a": ["1"], "client_secret": [APP_SECRET], "code": ["c0de-of-a-login"], "old": [TOKEN],
    }  # fmt: skip
    assert parse_qs(posted.body.decode()) == expected
    assert parse_qs(urlsplit(got.target).query) == expected
    assert "authorization" not in posted.headers
    for secret in (APP_SECRET, "c0de", TOKEN):
        assert secret not in str(trace.as_json())


@pytest.mark.parametrize("secret", list(Secret))
async def test_a_secret_that_is_not_there_or_not_for_this_host_stays(
    hands: HttpHands, secret: Secret
) -> None:
    async with serving(friendly) as served:
        call = HttpCall("GET", served.url(), Auth.NONE, secrets={"s": secret})
        nobody = evolve(account(served), token="", app_secret=None, code=None)
        elsewhere = evolve(account(served), code="c0de", hosts=frozenset({"graph.facebook.com"}))
        for by in (nobody, elsewhere):
            failure = await failure_of(hands, call, by)
            assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.CHANNEL_MISCONFIGURED)

    assert served.seen == []


async def test_head_and_document_leave_in_one_write(hands: HttpHands) -> None:
    received = []

    async def script(peer: Peer) -> None:
        received.append(await peer.stream.receive_some(65536))
        await peer.answer()

    async with serving(script) as served:
        await hands.make(HttpCall("POST", served.url(), json=DOCUMENT), account(served), Trace())

    assert received[0].endswith(b"}}")


async def test_a_file_goes_out_in_a_form_of_exact_length(hands: HttpHands, blobs: Blobs) -> None:
    blob = await blobs.put_bytes(b"\x89PNG" * 1000)
    upload = Upload("file", blob.sha256, 'a"b\r\nü.png', "image/png", blob.size)
    async with serving(friendly) as served:
        call = HttpCall("POST", served.url(), form={"type": "image/png"}, upload=upload)

        await hands.make(call, account(served), Trace())

    [seen] = served.seen
    boundary = seen.headers["content-type"].removeprefix("multipart/form-data; boundary=")
    first, second, end = seen.body.split(f"--{boundary}".encode())[1:]
    assert first == b'\r\nContent-Disposition: form-data; name="type"\r\n\r\nimage/png\r\n'
    head, _, content = second.partition(b"\r\n\r\n")
    assert 'name="file"; filename="a%22b%0D%0Aü.png"'.encode() in head
    assert content == b"\x89PNG" * 1000 + b"\r\n"
    assert end == b"--\r\n"


# Where the credential may go

WRONG_PLACES = {
    "a host that is not on the list": ("https://evil.example/x", {"hosts": {"graph.example"}}),
    "another port of a host on the list": (
        "https://graph.example:8443/x",
        {"hosts": {"graph.example"}},
    ),
    "a host on the list without TLS": ("http://graph.example/x", {"hosts": {"graph.example"}}),
    "a name that begins like one on the list": (
        "https://graph.example.evil.example/x",
        {"hosts": {"graph.example"}},
    ),
}


@pytest.mark.parametrize(("url", "changes"), WRONG_PLACES.values(), ids=WRONG_PLACES.keys())
@pytest.mark.parametrize("auth", [Auth.BEARER, Auth.QUERY, Auth.PROOF])
async def test_the_credential_is_not_sent_to(
    hands: HttpHands, url: str, changes: dict[str, Any], auth: Auth
) -> None:
    by = account(Served(), hosts=frozenset(changes["hosts"]))

    failure = await failure_of(hands, HttpCall("GET", url, auth), by)

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.CHANNEL_MISCONFIGURED)
    assert urlsplit(url).netloc in (failure.text or "")
    assert TOKEN not in (failure.text or "")


async def test_a_guarded_call_gets_no_credential_for_an_unknown_host(blobs: Blobs) -> None:
    async with hands_of(blobs, policy=LOOPBACK_OPEN) as hands, serving(friendly) as served:
        by = account(served, hosts=frozenset({"graph.example"}))

        failure = await failure_of(hands, HttpCall("GET", served.url(), guarded=True), by)

    assert failure.reason is Reason.CHANNEL_MISCONFIGURED
    assert served.connections == 0


async def test_a_redirect_is_an_answer_and_not_followed(hands: HttpHands) -> None:
    async with serving(friendly) as elsewhere:

        async def script(peer: Peer) -> None:
            await peer.request()
            await peer.answer(b"", 302, location=elsewhere.url("/stolen"))

        async with serving(script) as served:
            reply = await hands.make(HttpCall("GET", served.url()), account(served), Trace())

    assert (reply.status, reply.headers["location"]) == (302, elsewhere.url("/stolen"))
    assert elsewhere.connections == 0


TOKENS = {
    "nothing": "",
    "a line end": "abc\ndef",
    "a letter beyond ASCII": "tokén",
    "a space": "a b",
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
async def test_a_token_is_refused_that_holds(hands: HttpHands, token: str) -> None:
    async with serving(friendly) as served:
        by = account(served, token=token)

        failure = await failure_of(hands, HttpCall("GET", served.url()), by)

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.CHANNEL_MISCONFIGURED)
    assert not token or token not in (failure.text or "")


@pytest.mark.parametrize("lacking", [{"app_secret": None}, {"app_id": None}])
async def test_an_app_that_is_not_known_cannot_speak(
    hands: HttpHands, lacking: dict[str, Any]
) -> None:
    async with serving(friendly) as served:
        by = account(served, **{"app_id": "70001", **lacking})

        failure = await failure_of(hands, HttpCall("GET", served.url(), Auth.APP), by)

    assert failure.reason is Reason.CHANNEL_MISCONFIGURED


BAD_CALLS = {
    "a URL without a scheme": HttpCall("GET", "graph.example/x"),
    "another scheme": HttpCall("GET", "ftp://graph.example/x"),
    "user-info": HttpCall("GET", "https://user:hunter2@graph.example/x"),
    "a port that is no number": HttpCall("GET", "https://graph.example:port/x"),
    "a line end in a header": HttpCall("GET", "http://127.0.0.1:1/", headers={"x": "hunter2\r\n"}),
    "a length of its own": HttpCall("GET", "http://127.0.0.1:1/", headers={"Content-Length": "1"}),
    "a document that is none": HttpCall("POST", "http://127.0.0.1:1/", json={"a": {1, 2}}),
    "not a number": HttpCall("POST", "http://127.0.0.1:1/", json={"a": float("nan")}),
    "a header beyond ASCII": HttpCall(
        "GET", "http://127.0.0.1:1/", headers={"x": "hunter2 ü\udc00"}
    ),
}


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS.keys())
async def test_a_call_is_refused_that_has(hands: HttpHands, call: HttpCall) -> None:
    by = account(Served())

    trace = Trace()
    failure = await failure_of(hands, evolve(call, auth=Auth.NONE), by, trace)

    assert (failure.kind, failure.reason) == (Kind.REJECTED, Reason.BAD_REQUEST)
    assert "hunter2" not in (failure.text or "")
    assert "hunter2" not in trace.exchanges[0].url


# What the operator sees


async def test_the_trace_shows_the_exchange_without_secrets(hands: HttpHands) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.answer(b'{"id":"m1","access_token":"fresh","body":"secret words"}')

    trace = Trace(frozenset({"body"}))
    async with serving(script) as served:
        call = HttpCall("POST", served.url("/x?a=1"), Auth.PROOF, {"code": "c0de"}, json=DOCUMENT)

        await hands.make(call, account(served), trace)

    [exchange] = trace.exchanges
    assert exchange.url == served.url("/x?a=1&code=***")
    assert exchange.request == {**DOCUMENT, "text": {"body": "(7 characters)"}}
    assert (exchange.status, exchange.error) == (200, None)
    assert exchange.reply == {"id": "m1", "access_token": "***", "body": "(12 characters)"}
    assert TOKEN not in json.dumps(trace.as_json())


async def test_the_trace_shows_a_file_as_its_length(hands: HttpHands, blobs: Blobs) -> None:
    blob = await blobs.put_bytes(b"x" * 123)
    trace = Trace()
    async with serving(friendly) as served:
        upload = Upload("file", blob.sha256, "private name.png", "image/png", blob.size)
        call = HttpCall("POST", served.url(), form={"type": "image/png"}, upload=upload)

        await hands.make(call, account(served), trace)

    assert trace.exchanges[0].request == {
        "form": {"type": "image/png"},
        "file": {"field": "file", "mime": "image/png", "bytes": "(123 bytes)"},
    }


async def test_the_trace_hides_the_query_of_a_medium(hands: HttpHands) -> None:
    trace = Trace()
    async with serving(friendly) as served:
        call = HttpCall("GET", served.url("/m?mid=1&oe=2"), Auth.NONE, download=True)

        await hands.make(call, account(served), trace)

    assert trace.exchanges[0].url == served.url("/m?mid=***&oe=***")
    assert trace.exchanges[0].reply == "(2 bytes)"


async def test_a_bottomless_answer_does_no_harm(hands: HttpHands) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.answer(b"[" * 16_000)

    trace = Trace()
    async with serving(script) as served:
        await hands.make(HttpCall("GET", served.url()), account(served), trace)

    assert trace.exchanges[0].reply == "(16000 bytes)"


async def test_the_trace_tells_why_there_is_no_answer(hands: HttpHands) -> None:
    async def drops(peer: Peer) -> None:
        await peer.request()

    trace = Trace()
    async with serving(drops) as served:
        await failure_of(hands, HttpCall("POST", served.url()), account(served), trace)

    [exchange] = trace.exchanges
    assert (exchange.status, exchange.reply) == (None, None)
    assert "broke before the answer was complete" in (exchange.error or "")


# How a file is framed

TRICKY = st.text(st.characters(codec="utf-8") | st.sampled_from('"\r\n;=-'), max_size=40)


@pytest.mark.slow
@given(name=TRICKY, filename=TRICKY, value=st.text(max_size=40))
def test_no_name_breaks_out_of_its_line(name: str, filename: str, value: str) -> None:
    upload = Upload(name, "0" * 64, filename, "image/png", 7)

    frame = form_frame({name: value}, upload, "omni-boundary")

    text = frame.before.decode()
    first, second = text.split("--omni-boundary\r\n")[1:]
    assert first.startswith('Content-Disposition: form-data; name="')
    assert first.endswith(f'"\r\n\r\n{value}\r\n'.encode(errors="replace").decode())
    assert second.endswith('"\r\nContent-Type: image/png\r\n\r\n')
    assert second.count("\r\n") == 3
    assert second.count('"') == 4
    assert frame.size == len(frame.before) + 7 + len(frame.after)
