"""What Messenger and Instagram tell: golden pairs, and that nothing is lost, raised or mixed up."""

import copy
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.instagram import inbound as instagram
from omni_actors.adapters.messenger import inbound as messenger
from omni_actors.adapters.meta.hook import MetaSecrets, authenticate, dispatch
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.reports import (
    Acted,
    ChannelReported,
    ControlChanged,
    Deleted,
    Echoed,
    Edited,
    PreferenceChanged,
    Reacted,
    Received,
    Report,
    StatusReported,
    Unsupported,
    WatermarkReported,
)
from tests.adapters.kit import shown

PARSERS: dict[str, Callable[[Json], Sequence[Report]]] = {
    "instagram": instagram.parse,
    "messenger": messenger.parse,
}
GOLDEN = {
    f"{platform}: {path.stem}": (PARSERS[platform], json.loads(path.read_text("utf-8")))
    for platform in PARSERS
    for path in sorted((Path(__file__).parent / platform).glob("golden/*.json"))
}
EACH = pytest.mark.parametrize(("parse", "pair"), GOLDEN.values(), ids=GOLDEN.keys())
BOTH = pytest.mark.parametrize("parse", PARSERS.values(), ids=PARSERS.keys())

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)
Parse = Callable[[Json], Sequence[Report]]


@EACH
def test_a_document_is_read_as_its_golden_reports(parse: Parse, pair: dict[str, Any]) -> None:
    assert [shown(report) for report in parse(pair["document"])] == pair["reports"]


@EACH
def test_a_document_told_again_has_the_same_event_keys(parse: Parse, pair: dict[str, Any]) -> None:
    again = json.loads(json.dumps(pair["document"], sort_keys=True))

    assert [report.event_key for report in parse(again)] == [
        report["event_key"] for report in pair["reports"]
    ]


@pytest.mark.slow
@BOTH
@given(document=JSON)
def test_any_document_is_read_without_an_error(parse: Parse, document: Any) -> None:
    for report in parse(document):
        json.dumps(shown(report))


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
    parse, pair = GOLDEN[name]
    document = copy.deepcopy(pair["document"])
    for path in data.draw(st.lists(st.sampled_from(places(document)), max_size=3)):
        at = document
        try:
            for key in path[:-1]:
                at = at[key]
            if isinstance(at, list) or path[-1] in at:
                at[path[-1]] = data.draw(JSON)
        except (TypeError, LookupError):
            continue  # an earlier change has taken this place away

    for report in parse(document):
        assert report.event_key
        json.dumps(shown(report))


ACCOUNTS = ("104500000000001", "104500000000002", "104500000000003")
Make = Callable[[str], dict[str, Any]]


def message(**said: Any) -> Make:
    return lambda mid: {"message": {"mid": mid, **said}}


# Each kind of element: what stands in it (of a message of that id), and what it becomes.
ELEMENTS: dict[str, tuple[Make, type]] = {
    "text": (message(text="hi"), Received),
    "attachment": (message(attachments=[{"type": "like_heart"}]), Received),
    "deleted": (message(is_deleted=True), Deleted),
    "echo": (message(text="hello", is_echo=True), Echoed),
    "edit": (lambda mid: {"message_edit": {"mid": mid, "text": "no", "num_edit": 1}}, Edited),
    "reaction": (
        lambda mid: {"reaction": {"mid": mid, "action": "react", "emoji": "x"}},
        Reacted,
    ),
    "postback": (lambda mid: {"postback": {"mid": mid, "payload": "P"}}, Received),
    "old postback": (lambda mid: {"postback": {"payload": mid}}, Received),
    "referral": (lambda mid: {"referral": {"ref": mid}}, Acted),
    "opt-in": (lambda mid: {"optin": {"type": "t", "one_time_notif_token": mid}}, Acted),
    "stop": (
        lambda mid: {
            "optin": {
                "notification_messages_token": mid,
                "notification_messages_status": "STOP NOTIFICATIONS",
            }
        },
        PreferenceChanged,
    ),
    "read": (lambda mid: {"read": {"watermark": int(mid[2:]) + 1}}, WatermarkReported),
    "seen": (lambda mid: {"read": {"mid": mid}}, StatusReported),
    "delivery": (lambda mid: {"delivery": {"mids": [mid]}}, StatusReported),
    "taken": (
        lambda mid: {"take_thread_control": {"new_owner_app_id": mid}},
        ControlChanged,
    ),
    "policy": (
        lambda mid: {"policy_enforcement": {"action": "warning", "reason": mid}},
        ChannelReported,
    ),
    "broken": (lambda mid: {"message": {"text": mid}}, Unsupported),
    "unknown": (lambda mid: {"telepathy": mid}, Unsupported),
}
LISTS = ("messaging", "standby", "changes")


@pytest.mark.slow
@BOTH
@given(
    items=st.lists(st.tuples(st.sampled_from(sorted(ELEMENTS)), st.sampled_from(ACCOUNTS))),
    chance=st.randoms(use_true_random=False),
)
def test_however_elements_are_batched_each_becomes_one_report_of_its_own_account(
    parse: Parse, items: list[tuple[str, str]], chance: random.Random
) -> None:
    entries: list[Any] = []
    for index, (kind, account) in enumerate(items):
        element = {
            "sender": {"id": f"73000{index}"},
            "recipient": {"id": account},
            "timestamp": 1790000000000 + index,
            **ELEMENTS[kind][0](f"m_{1790000000000 + index}"),
        }
        where = chance.choice(LISTS)
        one = {"field": "messages", "value": element} if where == "changes" else element
        mine = [entry for entry in entries if entry["id"] == account]
        if not mine or chance.random() < 0.3:
            entry: dict[str, Any] = {"id": account, "time": 1790000000000}
            entries.insert(chance.randint(0, len(entries)), entry)
            mine = [entry]
        listed = chance.choice(mine).setdefault(where, [])
        listed.insert(chance.randint(0, len(listed)), one)
    entries = [entry for entry in entries if entry.keys() & set(LISTS)]

    reports = parse({"object": "page", "entry": entries})

    told = Counter((type(report), report.channel_key) for report in reports)
    assert told == Counter((ELEMENTS[kind][1], account) for kind, account in items)
    assert len({(report.channel_key, report.event_key) for report in reports}) == len(items)


ENTRIES = {
    name: pair["document"]["entry"]
    for name, (_, pair) in GOLDEN.items()
    if isinstance(pair["document"], dict) and "entry" in pair["document"]
}


@pytest.mark.slow
@BOTH
@given(data=st.data())
def test_entries_of_several_documents_may_be_joined_in_any_order(
    parse: Parse, data: st.DataObject
) -> None:
    mine = sorted(name for name in ENTRIES if GOLDEN[name][0] is parse)
    names = data.draw(st.lists(st.sampled_from(mine), max_size=6, unique=True))
    entries = [entry for name in names for entry in ENTRIES[name]]
    wanted = Counter(report["event_key"] for name in names for report in GOLDEN[name][1]["reports"])

    reports = parse({"entry": data.draw(st.permutations(entries))})

    assert Counter(report.event_key for report in reports) == wanted


BROKEN_OR_UNKNOWN = {
    "messenger: delivered_of_nothing",
    "messenger: document_without_entries",
    "messenger: envelope_in_pieces",
    "messenger: event_that_nobody_knows",
    "messenger: field_that_nobody_knows",
    "messenger: neighbours_of_broken_elements",
    "messenger: text_of_nobody",
}


def test_everything_that_the_platforms_tell_is_known() -> None:
    unread = {
        name
        for name, (_, pair) in GOLDEN.items()
        if any(report["report"] == "Unsupported" for report in pair["reports"])
    }

    assert unread == BROKEN_OR_UNKNOWN


SECRETS = MetaSecrets(("an-instagram-secret", "omni-test-app-secret-01"), "omni-verify")
ESCAPED = (
    rb'{"object":"page","entry":[{"id":"104500000000001","time":1790000000123,"messaging":'
    rb'[{"sender":{"id":"7300000000000001"},"recipient":{"id":"104500000000001"},'
    rb'"timestamp":1790000000001,"message":{"mid":"m_TestVector01",'
    rb'"text":"caf\u00e9 \ud83d\ude00"}}]}]}'
)
SIGNED = "sha256=9f9fa7661faaf73f1bc724dd321c45c262c5f95ca89971646b6c7df2e6d419e8"
SIGNED_UNESCAPED = "sha256=e9b9a6453dd6e59f22ed402c18169370d5cec0245baf90bd21d57693b2f2d648"


def test_the_escaped_bytes_are_what_is_signed() -> None:
    unescaped = json.dumps(json.loads(ESCAPED), ensure_ascii=False, separators=(",", ":")).encode()

    assert len(ESCAPED) == 254
    assert authenticate({"X-Hub-Signature-256": SIGNED}, ESCAPED, SECRETS)
    assert not authenticate({"X-Hub-Signature-256": SIGNED_UNESCAPED}, ESCAPED, SECRETS)
    assert authenticate({"X-Hub-Signature-256": SIGNED_UNESCAPED}, unescaped, SECRETS)


def test_documents_go_to_the_platform_of_their_object() -> None:
    assert dispatch({"object": "page"}) == "messenger"
    assert dispatch({"object": "instagram"}) == "instagram"


def test_edits_without_a_number_are_told_apart() -> None:
    def edit(words: str, at: int) -> Report:
        who: JsonObject = {"sender": {"id": "7300000000000001"}, "recipient": {"id": ACCOUNTS[0]}}
        told: JsonObject = {"mid": "m_1", "text": words}
        element: JsonObject = {**who, "timestamp": at, "message_edit": told}
        [report] = messenger.parse({"entry": [{"id": ACCOUNTS[0], "messaging": [element]}]})
        return report

    first, again = edit("a", 1790000000000), edit("a", 1790000000000)
    keys = {first.event_key, edit("b", 1790000000000).event_key, edit("a", 1790000001000).event_key}

    assert first.event_key == again.event_key
    assert len(keys) == 3


def test_of_two_edits_of_one_time_the_later_one_is_later() -> None:
    def edit(number: Json) -> Json:
        told: JsonObject = {"mid": "m_1", "text": "no", "num_edit": number}
        who: JsonObject = {"sender": {"id": "73000"}, "recipient": {"id": ACCOUNTS[0]}}
        element: JsonObject = {**who, "timestamp": 1790000000000, "message_edit": told}
        return {"entry": [{"id": ACCOUNTS[0], "messaging": [element]}]}

    first, second = (messenger.parse(edit(number))[0] for number in (1, "2"))

    assert first.at < second.at
    assert first.event_key != second.event_key
