"""Whatever a body holds: with a valid signature it is stored and answered 200, and costs nobody."""

import itertools
import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.kit import (
    Served,
    eventually,
    hook_body,
    raw_of,
    signature,
    text_message,
)

MEBIBYTE = 1024 * 1024
_numbers = itertools.count(1)


def spoiled(**changes: Any) -> Mapping[str, Any]:
    """A message of a customer with something wrong in it."""
    return {**text_message(f"wamid.SPOILED{next(_numbers)}", "never mind"), **changes}


def around(bad: Any) -> bytes:
    """A body with one bad message."""
    return raw_of(hook_body(bad))


def deep(levels: int) -> bytes:
    """Lists in lists."""
    return b"[" * levels + b"]" * levels


HOSTILE: Mapping[str, bytes] = {
    "nothing": b"",
    "a blank": b" ",
    "half a document": b'{"object": "whatsapp_business_account", "entry": [',
    "no JSON": b"\x00\x01\xff\xfe",
    "not UTF-8": b'{"object": "\xff\xfe\xfd"}',
    "UTF-16": '{"object": "whatsapp_business_account"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + raw_of(hook_body()),
    "null": b"null",
    "a number": b"17",
    "a string": b'"whatsapp_business_account"',
    "a list": b"[]",
    "an empty object": b"{}",
    "not a number": b'{"object": NaN}',
    "infinity": b'{"entry": -Infinity}',
    "an unknown object": b'{"object": "instagram_of_the_future", "entry": []}',
    "an object of a wrong type": b'{"object": ["whatsapp_business_account"], "entry": []}',
    "entries of a wrong type": b'{"object": "whatsapp_business_account", "entry": {"a": 1}}',
    "entries of all types": raw_of(
        {"object": "whatsapp_business_account", "entry": [None, 1, "a", [], {}, True]}
    ),
    "changes of a wrong type": raw_of(
        {"object": "whatsapp_business_account", "entry": [{"changes": "all"}]}
    ),
    "a value of a wrong type": raw_of(
        {
            "object": "whatsapp_business_account",
            "entry": [{"changes": [{"field": "messages", "value": [1]}]}],
        }
    ),
    "deep lists": deep(100_000),
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "deep where a message is": raw_of(hook_body("X")).replace(b'"X"', deep(5_000)),
    "a huge integer": around(spoiled(timestamp="X")).replace(b'"X"', b"9" * 10_000),
    "a huge exponent": around(spoiled(timestamp="X")).replace(b'"X"', b"1e999999"),
    "a time before time": around(spoiled(timestamp="-99999999999999999999")),
    "a time that is no number": around(spoiled(timestamp="yesterday")),
    "a NUL in the text": around(spoiled(text={"body": "a\0b"})),
    "a NUL in the id": around(spoiled(id="wamid.\0")),
    "a NUL in the sender": around(spoiled(**{"from": "4477\x000900"})),
    "a lone surrogate in the text": around(spoiled(text={"body": "a\ud800b"})),
    "a lone surrogate in the id": around(spoiled(id="wamid.\udfff")),
    "a lone surrogate in the sender": around(spoiled(**{"from": "\ud83d"})),
    "a message of a wrong type": around(["text"]),
    "a message that is null": around(None),
    "an id that is a number": around(spoiled(id=17)),
    "an empty id": around(spoiled(id="")),
    "a very long id": around(spoiled(id="w" * 100_000)),
    "a very long sender": around(spoiled(**{"from": "4" * 100_000})),
    "a text that is a list": around(spoiled(text=["a"])),
    "a text of a mebibyte": around(spoiled(text={"body": "a" * MEBIBYTE})),
    "a message without all": around({}),
    "an unknown type": around(spoiled(type="hologram")),
    "a type that is an object": around(spoiled(type={"text": "a"})),
    "a medium without an id": around(spoiled(type="image", image={})),
    "a reaction to nothing": around(spoiled(type="reaction", reaction={"emoji": 3})),
    "an order of nothing": around(spoiled(type="order", order={"product_items": [None, {}]})),
    "contacts of a wrong type": around(spoiled(type="contacts", contacts=[{"name": 1}, 2])),
    "an impossible place": around(
        spoiled(type="location", location={"latitude": "north", "longitude": 1e400})
    ),
    "a status of nothing": raw_of(hook_body()).replace(b'"messages": []', b'"statuses": [{}, 1]'),
    "a status of a wrong type": raw_of(hook_body()).replace(
        b'"messages": []', b'"statuses": [{"id": [], "status": 7, "timestamp": {}}]'
    ),
    "a number nobody has": raw_of(hook_body(text_message("wamid.NOBODY", "hi"), number="999")),
    "four mebibytes and one": b'{"a":"' + b"a" * (4 * MEBIBYTE + 1 - 8) + b'"}',
    "ten thousand messages": raw_of(hook_body(*[None] * 10_000)),
}


NAMES = ["object", "entry", "changes", "value", "field", "messages", "statuses", "contacts", "id"]
NAMES += ["from", "type", "text", "body", "timestamp", "metadata", "phone_number_id"]


def counters(served: Served) -> dict[str, float]:
    """The metrics, by name and labels."""
    with served.client() as client:
        text = client.get("/metrics").text
    return {
        name: float(value)
        for name, value in re.findall(r"^(\w+(?:\{[^}]*\})?) (\S+)$", text, re.MULTILINE)
    }


def taken(served: Served, phone: str) -> list[dict[str, Any]]:
    """The messages that the gateway has of a customer."""
    with served.client() as client:
        found = client.get("/v1/contacts", params={"identity": f"phone:{phone}"}).json()["items"]
        if not found or found[0]["conversation_id"] is None:
            return []
        path = f"/v1/conversations/{found[0]['conversation_id']}/messages"
        items: list[dict[str, Any]] = client.get(path).json()["items"]
        return items


def letters(served: Served) -> list[dict[str, Any]]:
    """All dead letters of intakes, the newest page last."""
    found: list[dict[str, Any]] = []
    after: str | None = ""
    with served.client() as client:
        while after is not None:
            query = {"kind": "intake", "limit": "200", "redriven": "true"}
            if after:
                query["after"] = after
            page = client.get("/v1/dead-letters", params=query).json()
            found += page["items"]
            after = page["next"]
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_stored_and_answered_200(served: Served, name: str) -> None:
    raw = HOSTILE[name]

    answer = served.knock(raw)

    assert (answer.status_code, answer.content) == (200, b"")
    number = next(_numbers)
    phone = f"44770092{number:04}"
    neighbour = text_message(f"wamid.AFTER{number}", name, phone)
    assert served.knock(raw_of(hook_body(neighbour))).status_code == 200
    messages = eventually(lambda: taken(served, phone))
    assert [message["content"]["text"] for message in messages] == [name]


@pytest.mark.parametrize(
    "bad",
    [
        None,
        17,
        {},
        spoiled(id=None),
        spoiled(text={"body": "\ud800"}),
        spoiled(id="wamid.\0"),
        spoiled(**{"from": ["a"]}),
        spoiled(timestamp={}),
        spoiled(type="image", image=[]),
    ],
    ids=[
        *("null", "a number", "nothing", "no id", "half a surrogate pair", "NUL in the id"),
        *("a list as sender", "an object as time", "a list as image"),
    ],
)
def test_a_bad_message_does_not_cost_its_neighbours(served: Served, bad: Any) -> None:
    number = next(_numbers)
    phone = f"44770091{number:04}"
    before = text_message(f"wamid.BEFORE{number}", "before", phone)
    after = text_message(f"wamid.BEHIND{number}", "after", phone)

    answer = served.knock(raw_of(hook_body(before, bad, after)))

    assert answer.status_code == 200
    texts = eventually(lambda: [m["content"].get("text") for m in taken(served, phone)])
    assert {"before", "after"} <= set(texts)


def test_any_json_at_all_is_answered_200(served: Served) -> None:
    scalars = (
        st.none()
        | st.booleans()
        | st.integers(-(10**30), 10**30)
        | st.floats()
        | st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
    )
    names = st.sampled_from(NAMES)
    documents = st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=3), inner)
        ),
        max_leaves=12,
    )

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(document=documents, where=st.sampled_from(["whole", "entry", "value", "message"]))
    def knock(document: Any, where: str) -> None:
        whole: Any = hook_body(document)
        if where == "whole":
            whole = document
        elif where == "entry":
            whole["entry"] = [document, document]
        elif where == "value":
            whole["entry"][0]["changes"][0]["value"] = document
        assert served.knock(raw_of(whole)).status_code == 200

    knock()


def test_a_body_that_cannot_be_read_is_a_dead_letter_that_can_be_seen_and_redriven(
    served: Served,
) -> None:
    known = {letter["id"] for letter in letters(served)}
    marker = f"marker {next(_numbers)}"

    assert served.knock(b'{"object": "' + marker.encode()).status_code == 200

    new = [letter for letter in letters(served) if letter["id"] not in known]
    assert len(new) == 1
    with served.client() as client:
        shown = client.get(f"/v1/dead-letters/{new[0]['id']}").json()
        assert marker in shown["about"]["begins"]
        redriven = client.post("/v1/dead-letters:redrive", json={"ids": [new[0]["id"]]})
        after = client.get(f"/v1/dead-letters/{new[0]['id']}").json()
    assert redriven.json() == {"redriven": [], "skipped": [], "unread": [new[0]["id"]]}
    assert after["dead_letter"]["redriven_at"] is None, (
        "what still cannot be read is still a dead letter"
    )


def test_a_body_that_is_too_large_to_read_is_kept_and_can_be_redriven(served: Served) -> None:
    known = {letter["id"] for letter in letters(served)}

    assert served.knock(HOSTILE["four mebibytes and one"]).status_code == 200

    new = [letter for letter in letters(served) if letter["id"] not in known]
    assert len(new) == 1
    with served.client() as client:
        about = client.get(f"/v1/dead-letters/{new[0]['id']}").json()["about"]
        redriven = client.post("/v1/dead-letters:redrive", json={"ids": [new[0]["id"]]})
    assert about["bytes"] == 4 * MEBIBYTE + 1
    assert redriven.json()["unread"] == [new[0]["id"]]


def test_a_body_of_sixteen_mebibytes_and_one_is_refused(served: Served) -> None:
    raw = b" " * (16 * MEBIBYTE + 1)

    answer = served.knock(raw)

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "wrong", ["sha256=00", "sha256=" + "0" * 64, "md5=1", "", "sha256=ä", None]
)
def test_a_bad_signature_is_refused_and_counted(served: Served, wrong: str | None) -> None:
    name = 'omni_intakes_total{hook="meta",outcome="bad_signature"}'
    raw = raw_of(hook_body(text_message("wamid.FORGED", "I am not Ada", "447700900666")))
    headers = [] if wrong is None else [(b"X-Hub-Signature-256", wrong.encode("latin-1"))]
    before = counters(served).get(name, 0)

    answer = httpx.post(f"{served.url}/webhooks/meta", content=raw, headers=headers)

    assert answer.status_code == 403
    assert counters(served)[name] == before + 1
    assert taken(served, "447700900666") == []


def test_a_signature_of_other_bytes_is_refused(served: Served) -> None:
    raw = raw_of(hook_body(text_message("wamid.CHANGED", "one")))

    answer = httpx.post(f"{served.url}/webhooks/meta", content=raw + b" ", headers=signature(raw))

    assert answer.status_code == 403


def test_an_unknown_hook_and_a_wrong_method_are_refused(served: Served) -> None:
    raw = raw_of(hook_body())

    unknown = httpx.post(f"{served.url}/webhooks/none", content=raw, headers=signature(raw))
    wrong = httpx.put(f"{served.url}/webhooks/meta", content=raw, headers=signature(raw))

    assert (unknown.status_code, wrong.status_code) == (404, 405)
    assert wrong.headers["allow"] == "GET, POST"


def test_what_was_taken_is_counted(served: Served) -> None:
    accepted = 'omni_intakes_total{hook="meta",outcome="accepted"}'
    new, known = ('omni_reports_total{outcome="new"}', 'omni_reports_total{outcome="known"}')
    raw = raw_of(hook_body(text_message("wamid.COUNTED", "count me", "447700900555")))
    before = counters(served)

    assert [served.knock(raw).status_code for _ in range(3)] == [200, 200, 200]

    after = counters(served)
    assert after[accepted] == before.get(accepted, 0) + 3
    assert after[new] == before.get(new, 0) + 1
    assert after[known] == before.get(known, 0) + 2
    assert len(taken(served, "447700900555")) == 1


def test_a_handshake_is_answered_with_its_challenge_and_a_forged_one_refused(
    served: Served,
) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}

    good = httpx.get(
        f"{served.url}/webhooks/meta", params={**query, "hub.verify_token": "sandbox-verify"}
    )
    bad = httpx.get(f"{served.url}/webhooks/meta", params={**query, "hub.verify_token": "guess"})

    assert (good.status_code, good.text) == (200, "1158201444")
    assert bad.status_code == 403
    assert "1158201444" not in bad.text


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "DELETE"])
def test_a_body_that_nobody_asked_for_does_not_cost_the_next_request(
    served: Served, method: str
) -> None:
    body = json.dumps({"name": "nobody reads this"})

    statuses = []
    for _ in range(40):
        with served.client() as client:
            client.request(method, "/v1/keys", content=body)
            statuses.append(client.get("/healthz", timeout=5).status_code)

    assert statuses == [200] * 40
