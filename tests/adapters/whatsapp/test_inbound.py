"""What a webhook's document is read as: golden pairs, and that nothing is lost or raised."""

import copy
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.whatsapp.inbound import parse
from omni_actors.adapters.whatsapp.people import Cards
from omni_actors.model.json import Json
from omni_actors.model.reports import IdentityKey, Received, StatusReported, Unsupported
from tests.adapters.kit import shown

GOLDEN = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in Path(__file__).parent.glob("golden/*.json")
}


@pytest.mark.parametrize("pair", GOLDEN.values(), ids=GOLDEN.keys())
def test_a_document_is_read_as_its_golden_reports(pair: dict[str, Any]) -> None:
    assert [shown(report) for report in parse(pair["document"])] == pair["reports"]


@pytest.mark.parametrize("pair", GOLDEN.values(), ids=GOLDEN.keys())
def test_a_document_told_again_has_the_same_event_keys(pair: dict[str, Any]) -> None:
    again = json.loads(json.dumps(pair["document"], sort_keys=True))

    assert [report.event_key for report in parse(again)] == [
        report["event_key"] for report in pair["reports"]
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_document_is_read_without_an_error(document: Any) -> None:
    assert len(parse(document)) >= (0 if isinstance(document, dict) and "entry" in document else 1)


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, child in inner if isinstance(value, dict | list) else ():
        found.append((*above, key))
        if isinstance(child, dict | list):
            found += places(child, (*above, key))
    return found


@given(st.sampled_from(sorted(GOLDEN)), st.data())
def test_a_document_with_anything_in_a_wrong_place_is_read_without_an_error(
    name: str, data: st.DataObject
) -> None:
    document = copy.deepcopy(GOLDEN[name]["document"])
    for path in data.draw(st.lists(st.sampled_from(places(document)), max_size=3)):
        at = document
        try:
            for key in path[:-1]:
                at = at[key]
            if path[-1] in at or isinstance(at, list):
                at[path[-1]] = data.draw(JSON)
        except (TypeError, LookupError):
            continue  # an earlier change has taken this place away

    for report in parse(document):
        assert report.event_key
        json.dumps(shown(report))


NUMBERS = ("770011223344556", "770011223344777", "770011223344888")
ITEMS = st.lists(
    st.tuples(st.sampled_from(("message", "status", "broken")), st.sampled_from(NUMBERS)),
    max_size=12,
)


def item(kind: str, index: int) -> dict[str, Any]:
    if kind == "status":
        told = {"recipient_id": "447700900123", "timestamp": "1790000700"}
        return {"id": f"wamid.OUT{index}", "status": "sent", **told}
    body = {"body": "hi"} if kind == "message" else {"body": None}
    told = {"from": "447700900123", "timestamp": "1790000001", "type": "text"}
    return {"id": f"wamid.IN{index}", "text": body, **told}


@given(ITEMS, st.randoms(use_true_random=False))
def test_however_items_are_batched_each_becomes_one_report(
    items: list[tuple[str, str]], chance: random.Random
) -> None:
    entries: list[Any] = [{"id": "900100200300400", "changes": []} for _ in range(3)]
    for index, (kind, number) in enumerate(items):
        changes = chance.choice(entries)["changes"]
        mine = [c["value"] for c in changes if c["value"]["metadata"]["phone_number_id"] == number]
        if not mine or chance.random() < 0.3:
            value: dict[str, Any] = {"metadata": {"phone_number_id": number}}
            changes.insert(chance.randint(0, len(changes)), {"field": "messages", "value": value})
            mine = [value]
        target = chance.choice(mine).setdefault("statuses" if kind == "status" else "messages", [])
        target.insert(chance.randint(0, len(target)), item(kind, index))

    reports = parse({"object": "whatsapp_business_account", "entry": entries})

    told = Counter((type(report), report.channel_key) for report in reports)
    types = {"message": Received, "status": StatusReported, "broken": Unsupported}
    assert told == Counter((types[kind], number) for kind, number in items)
    assert len({report.event_key for report in reports}) == len(items)


def test_a_person_is_completed_by_the_card_that_shares_the_strongest_key() -> None:
    cards: Json = [
        {"wa_id": "447700900123", "profile": {"name": "By phone"}},
        {"user_id": "GB.7", "wa_id": "447700900555", "profile": {"name": "By user id"}},
    ]
    own = (IdentityKey("bsuid", "GB.7"), IdentityKey("phone", "447700900123"))

    found = Cards.read(cards).person(own)

    assert found.name == "By user id"
    assert [key.value for key in found.keys] == ["GB.7", "447700900123", "447700900555"]


def test_a_person_is_not_completed_by_a_stranger_s_card() -> None:
    cards: Json = [{"wa_id": "447700900999", "profile": {"name": "Someone else"}}]

    found = Cards.read(cards).person((IdentityKey("phone", "447700900123"),))

    assert (found.name, len(found.keys)) == (None, 1)


def test_a_person_without_keys_is_nobody_among_several_cards() -> None:
    assert Cards.read([{"wa_id": "447700900123"}, {"wa_id": "447700900124"}]).person(()).keys == ()


def test_of_two_cards_with_the_same_key_the_first_is_meant() -> None:
    cards: Json = [
        {"wa_id": "447700900123", "profile": {"name": "First"}},
        {"wa_id": "447700900123", "profile": {"name": "Second"}},
    ]

    assert Cards.read(cards).person((IdentityKey("phone", "447700900123"),)).name == "First"
