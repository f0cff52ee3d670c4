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

from omni_actors.adapters.whatsapp.content import read_content
from omni_actors.adapters.whatsapp.inbound import names, parse
from omni_actors.adapters.whatsapp.people import Cards
from omni_actors.model.json import Json
from omni_actors.model.reports import (
    ChannelName,
    ChannelReported,
    Echoed,
    IdentityChanged,
    IdentityKey,
    PreferenceChanged,
    Received,
    StatusReported,
    Unsupported,
)
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


@pytest.mark.slow
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


@pytest.mark.slow
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
TEXT = {"type": "text", "text": {"body": "hi"}}
HIDDEN = {"from_user_id": "GB.7"}
CUSTOMER = {"from": "447700900123"}
TO_CUSTOMER = {"from": "442079460100", "to": "447700900123"}
# Each kind of item: the field and the list where it stands, what it says, and what it becomes.
ITEMS: dict[str, tuple[str, str, dict[str, Any], type]] = {
    "text": ("messages", "messages", {**CUSTOMER, **TEXT}, Received),
    "hidden": ("messages", "messages", {**HIDDEN, **TEXT}, Received),
    "broken": ("messages", "messages", {**CUSTOMER, **TEXT, "text": {"body": None}}, Unsupported),
    "status": ("messages", "statuses", {"status": "sent", "recipient_id": "4477"}, StatusReported),
    "echo": ("smb_message_echoes", "message_echoes", {**TO_CUSTOMER, **TEXT}, Echoed),
    "stop": (
        "user_preferences",
        "user_preferences",
        {"wa_id": "447700900123", "category": "marketing_messages", "value": "stop"},
        PreferenceChanged,
    ),
    "user id": (
        "user_id_update",
        "user_id_update",
        {"user_id": {"previous": "GB.1", "current": "GB.2"}},
        IdentityChanged,
    ),
    "call": ("calls", "calls", {**CUSTOMER, "event": "connect"}, Received),
    "medium": ("history", "messages", {**CUSTOMER, **TEXT}, Received),
    "book": (
        "smb_app_state_sync",
        "state_sync",
        {"type": "contact", "action": "add", "contact": {"phone_number": "447700900123"}},
        ChannelReported,
    ),
}


def item(kind: str, index: int) -> dict[str, Any]:
    """One item of its kind; no two of one document are the same."""
    return {**ITEMS[kind][2], "id": f"wamid.{index}", "timestamp": str(1790000000 + index)}


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.sampled_from(sorted(ITEMS)), st.sampled_from(NUMBERS)), max_size=16),
    st.randoms(use_true_random=False),
)
def test_however_items_are_batched_each_becomes_one_report(
    items: list[tuple[str, str]], chance: random.Random
) -> None:
    entries: list[Any] = [{"id": "900100200300400", "changes": []} for _ in range(3)]
    for index, (kind, number) in enumerate(items):
        topic, list_name, _, _ = ITEMS[kind]
        changes = chance.choice(entries)["changes"]
        mine = [
            change["value"]
            for change in changes
            if change["field"] == topic and change["value"]["metadata"]["phone_number_id"] == number
        ]
        if not mine or chance.random() < 0.3:
            value: dict[str, Any] = {"metadata": {"phone_number_id": number}}
            changes.insert(chance.randint(0, len(changes)), {"field": topic, "value": value})
            mine = [value]
        target = chance.choice(mine).setdefault(list_name, [])
        target.insert(chance.randint(0, len(target)), item(kind, index))

    reports = parse({"object": "whatsapp_business_account", "entry": entries})

    told = Counter((type(report), report.channel_key) for report in reports)
    assert told == Counter((ITEMS[kind][3], number) for kind, number in items)
    assert len({report.event_key for report in reports}) == len(items)


CHANGES = sorted(name for name, pair in GOLDEN.items() if "entry" in pair["document"])


@pytest.mark.slow
@given(st.lists(st.sampled_from(CHANGES), max_size=6, unique=True), st.data())
def test_documents_of_any_field_may_be_joined_in_any_order(
    names: list[str], data: st.DataObject
) -> None:
    entries = [entry for name in names for entry in GOLDEN[name]["document"]["entry"]]
    wanted = Counter(key for name in names for key in keys_of(GOLDEN[name]))

    reports = parse({"entry": data.draw(st.permutations(entries))})

    assert Counter(report.event_key for report in reports) == wanted


def keys_of(pair: dict[str, Any]) -> list[str]:
    return [report["event_key"] for report in pair["reports"]]


BROKEN_OR_UNKNOWN = {
    "call_event_that_nobody_knows",
    "document_without_entries",
    "echo_to_nobody",
    "envelope_in_pieces",
    "field_that_nobody_knows",
    "group_of_a_kind_of_tomorrow",
    "history",  # one of its messages has no id
    "history_of_somebody_unnamed",
    "neighbours_of_broken_messages",
    "status_that_nobody_knows",
    "system_message_of_another_kind",
    "template_without_a_name",
    "text_of_an_unnamed_person",
    "user_id_changed_without_the_old_one",
}


def test_everything_that_the_platform_tells_is_known() -> None:
    """What is unsupported is malformed, is of tomorrow, or is what the platform does not show."""
    unread = {
        name
        for name, pair in GOLDEN.items()
        if any(report["report"] == "Unsupported" for report in pair["reports"])
    }

    assert unread == BROKEN_OR_UNKNOWN


def test_a_document_tells_the_names_of_its_numbers() -> None:
    document = GOLDEN["text"]["document"]

    assert list(names(document)) == [
        ChannelName("770011223344556", "account", "900100200300400"),
        ChannelName("770011223344556", "number", "+442079460100"),
    ]


@pytest.mark.slow
@given(JSON)
def test_the_names_in_any_document_are_read_without_an_error(document: Any) -> None:
    assert list(names(document)) == [] or document["entry"]


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


def test_vcards_stand_by_their_contacts_as_far_as_they_have_room() -> None:
    cards = ["BEGIN:VCARD", None, "é" * 32_760, "BEGIN:VCARD" * 3, "x"]
    named = [{"name": {"formatted_name": "Ada"}, "vcard": vcard} for vcard in cards]
    said = read_content("contacts", {"contacts": named})

    assert said.notes == {
        "vcards": ["BEGIN:VCARD", None, "é" * 32_760, None, "x"],
        "vcards_left_out": 1,
    }
    assert read_content("contacts", {"contacts": [{"name": {}}]}).notes == {}
