"""Old conversations, read over the Conversations API."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.contract import HistoryDesk, Thread, ThreadPage, ThreadRead
from omni_actors.adapters.instagram import INSTAGRAM
from omni_actors.adapters.messenger import MESSENGER
from omni_actors.adapters.meta.history import as_webhook, moment
from omni_actors.model.content import Card, Carousel, Media, MediaKind, Text, UnsupportedContent
from omni_actors.model.failure import Kind, SendFailure
from omni_actors.model.reports import Echoed, IdentityKey, Received
from omni_actors.wire.calls import Auth
from tests.adapters.kit import play
from tests.adapters.meta.kit import (
    ANA,
    ANA_THERE,
    BY_FACEBOOK,
    BY_INSTAGRAM,
    IG_ID,
    PAGE,
    PAGE_ID,
    answered,
)

WHEN = 1790071511.0
THREADS = {
    "data": [
        {"id": "t_10001", "updated_time": "2026-09-22T10:05:11+0000", "message_count": 41},
        {"id": "t_10002", "updated_time": 1790000000},
        {"updated_time": 1790000000},
    ],
    "paging": {
        "cursors": {"before": "QVFIb1", "after": "QVFIb2"},
        "next": "https://graph.facebook.com/v25.0/104500000000001/conversations?after=QVFIb2",
    },
}
THEM = {"id": ANA.value, "name": "Ana Dias"}
US = {"id": PAGE_ID, "name": "Mug House"}


KEYS = (
    "id", "created_time", "from", "to", "message", "attachments", "shares", "sticker", "story",
    "reactions", "reply_to", "is_unsupported",
)  # fmt: skip
INSIDE = st.sampled_from(["data", "url", "link", "id", "mid", "mention", "reply_to", "image_data"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(INSIDE, inner, max_size=3),
    max_leaves=8,
)


def desk_of(adapter: Any = MESSENGER) -> HistoryDesk[Any]:
    desk: HistoryDesk[Any] | None = adapter.history
    assert desk is not None
    return desk


def told(mid: str, **more: Any) -> dict[str, Any]:
    """A message as the platform tells it, of the person where nothing else is said."""
    sent = {"from": THEM, "to": {"data": [US]}, "created_time": "2026-09-22T10:05:11+0000"}
    return {"id": mid, **sent, **more}


def read(*messages: dict[str, Any], count: int | None = None, **more: Any) -> ThreadRead:
    """What becomes of a conversation with these messages, the newest first."""
    body = {"id": "t_1", "messages": {"data": list(messages), **more}}
    [call], found = play(desk_of().read(Thread("t_1", None, count), PAGE), answered(body))
    assert call.url.endswith("/v25.0/t_1")
    assert call.query["fields"].startswith("messages.limit(20){id,created_time,from,to,message,")
    return found


def one(**more: Any) -> Received | Echoed:
    [report] = read(told("m_1", **more)).reports
    return report


@pytest.mark.parametrize(
    ("adapter", "settings", "path", "auth"),
    [
        (MESSENGER, PAGE, f"graph.facebook.com/v25.0/{PAGE_ID}", Auth.PROOF),
        (INSTAGRAM, BY_FACEBOOK, f"graph.facebook.com/v25.0/{PAGE_ID}", Auth.PROOF),
        (INSTAGRAM, BY_INSTAGRAM, "graph.instagram.com/v25.0/me", Auth.BEARER),
    ],
)
def test_conversations_are_listed_where_each_login_has_them(
    adapter: Any, settings: Any, path: str, auth: Auth
) -> None:
    [call], page = play(desk_of(adapter).page("QVFIb1", settings), answered(THREADS))

    assert (call.url, call.auth) == (f"https://{path}/conversations", auth)
    assert call.idempotent
    assert call.query["platform"] == adapter.platform
    assert call.query["after"] == "QVFIb1"
    assert page == ThreadPage(
        (Thread("t_10001", WHEN, 41), Thread("t_10002", 1790000000.0)), "QVFIb2"
    )


def test_the_last_page_names_no_next_one_though_it_has_a_cursor() -> None:
    last = {"data": [], "paging": {"cursors": {"after": "QVFIb3"}}}
    _, page = play(desk_of().page("", PAGE), answered(last))
    assert page == ThreadPage((), None)


def test_a_cursor_that_is_good_no_more_begins_the_listing_anew() -> None:
    bad = answered({"error": {"code": 100, "message": "Invalid cursors values"}}, 400)
    _, page = play(desk_of().page("QVFIb1", PAGE), bad)
    assert page is None
    with pytest.raises(SendFailure):
        play(desk_of().page("", PAGE), bad)


def test_too_many_calls_are_told_as_such() -> None:
    bad = answered({"error": {"code": 613, "message": "Calls to this api have exceeded"}}, 400)
    with pytest.raises(SendFailure) as failed:
        play(desk_of().page("", PAGE), bad)
    assert failed.value.failure.kind is Kind.THROTTLED


def test_messages_of_both_sides_are_old_ones_with_the_oldest_first() -> None:
    answer = told(
        "m_2", **{"from": US, "to": {"data": [THEM]}}, message="Medium", reply_to={"mid": "m_1"}
    )
    found = read(answer, told("m_1", message="Which size?"))

    first, second = found.reports
    assert isinstance(first, Received)
    assert isinstance(second, Echoed)
    assert (first.external_id, first.at, first.identities) == ("m_1", WHEN, (ANA,))
    assert (first.content, first.name, first.synced) == (Text("Which size?"), "Ana Dias", True)
    assert (second.identities, second.content) == ((ANA,), Text("Medium"))
    assert (second.reply_to, second.synced, second.app_id) == ("m_1", True, None)
    assert {first.channel_key, second.channel_key} == {PAGE_ID}
    assert (found.beyond, found.unread) == (0, 0)


def test_a_person_on_instagram_has_a_username() -> None:
    message = {
        "id": "aWdf1",
        "created_time": "2026-09-22T10:05:11+0000",
        "from": {"id": ANA_THERE.value, "username": "ana.dias"},
        "to": {"data": [{"id": IG_ID, "username": "mughouse"}]},
        "message": "Do you ship to Porto?",
    }
    body = answered({"messages": {"data": [message]}})
    _, found = play(desk_of(INSTAGRAM).read(Thread("t_1"), BY_INSTAGRAM), body)
    [report] = found.reports
    assert (report.identities, report.username) == ((ANA_THERE,), "ana.dias")


@pytest.mark.parametrize(
    ("listed", "count", "more", "beyond", "unread"),
    [
        (20, 41, {}, 21, 0),
        (20, None, {"paging": {"next": "https://x"}}, 1, 0),
        (3, None, {}, 0, 0),
        (3, 2, {}, 0, 0),
    ],
)
def test_what_the_platform_keeps_for_itself_is_counted(
    listed: int, count: int | None, more: dict[str, Any], beyond: int, unread: int
) -> None:
    found = read(*[told(f"m_{n}", message="hi") for n in range(listed)], count=count, **more)
    assert (len(found.reports), found.beyond, found.unread) == (listed, beyond, unread)


@pytest.mark.parametrize(
    "bare",
    [
        {"id": "m_1", "created_time": "2026-09-22T10:05:11+0000"},
        told("m_1", **{"from": US, "to": {"data": []}}),
        told("m_1", **{"from": THEM, "to": {"data": [{"id": "990011"}]}}),
        told("m_1", **{"from": {"id": "990011"}, "to": {"data": [THEM]}}),
        {"created_time": "2026-09-22T10:05:11+0000"},
        {},
    ],
)
def test_a_message_of_which_only_the_id_is_told_is_counted_and_costs_no_neighbour(
    bare: dict[str, Any],
) -> None:
    found = read(bare, told("m_0", message="hi"))
    assert ([each.external_id for each in found.reports], found.unread) == (["m_0"], 1)


@pytest.mark.slow
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), ANYTHING), max_size=4))
def test_whatever_a_message_is_it_is_read_or_counted(strange: list[dict[str, Any]]) -> None:
    messages = [{**told("m_1"), **each} for each in strange]
    found = read(*messages, told("m_0", message="hi"))
    assert len(found.reports) + found.unread == len(messages) + 1
    assert found.reports[0].external_id == "m_0"


def test_files_are_media_in_their_place() -> None:
    url = "https://scontent.xx.fbcdn.net/v/a.jpg"
    files = [
        {"mime_type": "image/jpeg", "image_data": {"url": url}},
        {"mime_type": "application/pdf", "file_url": "https://cdn.fbsbx.com/v/b.pdf"},
    ]
    report = one(message="look", attachments={"data": files})

    assert isinstance(report.content, Carousel)
    assert report.content.text == "look"
    assert [ref.ref for ref in report.media] == [
        {"url": url, "mid": "m_1", "n": 0},
        {"url": "https://cdn.fbsbx.com/v/b.pdf", "mid": "m_1", "n": 1},
    ]


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ({"mime_type": "audio/mp4", "file_url": "https://cdn.fbsbx.com/a"}, MediaKind.AUDIO),
        ({"video_data": {"url": "https://video.xx.fbcdn.net/a"}}, MediaKind.VIDEO),
        ({"mime_type": "video/mp4", "file_url": "https://cdn.fbsbx.com/a"}, MediaKind.VIDEO),
        ({"file_url": "https://cdn.fbsbx.com/a.bin"}, MediaKind.DOCUMENT),
    ],
)
def test_a_file_is_what_its_data_or_its_type_say(file: dict[str, Any], kind: MediaKind) -> None:
    content = one(message="", attachments={"data": [file]}).content
    assert isinstance(content, Media)
    assert content.kind is kind


def test_a_share_is_a_card_and_a_story_stands_in_the_notes() -> None:
    shared = one(shares={"data": [{"link": "https://shop.example/mug"}]})
    answered_story = one(message="nice", story={"reply_to": {"link": "https://x", "id": "17"}})

    assert isinstance(shared.content, Card)
    assert shared.content.actions[0].url == "https://shop.example/mug"
    assert answered_story.notes == {"story": {"link": "https://x", "id": "17"}}


def test_a_mention_in_a_story_is_not_kept_longer_than_the_story() -> None:
    mention = {"mention": {"link": "https://scontent.xx.fbcdn.net/s.jpg", "id": "17"}}
    [ref] = one(story=mention).media
    assert ref.until == WHEN + 86_400.0


def test_reactions_stand_in_the_notes() -> None:
    reaction = {"reaction": "❤", "users": [US]}
    assert one(message="hi", reactions={"data": [reaction]}).notes == {"reactions": [reaction]}


def test_a_message_that_the_platform_does_not_hand_over_says_so() -> None:
    assert isinstance(one(is_unsupported=True).content, UnsupportedContent)


def test_a_sticker_is_an_attachment() -> None:
    assert as_webhook({"sticker": "https://x/s.png"})["attachments"] == [
        {"type": "sticker", "payload": {"url": "https://x/s.png"}}
    ]


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-09-22T10:05:11+0000", WHEN),
        ("2026-09-22T12:05:11+02:00", WHEN),
        (1790071511, WHEN),
        ("1790071511", WHEN),
        (1790071511000, WHEN),
        ("2026-09-22T10:05:11", WHEN),
        ("2026-99-22T10:05:11+0000", 0.0),
        (None, 0.0),
        ([], 0.0),
    ],
)
def test_times_are_read_in_any_of_their_shapes(written: Any, at: float) -> None:
    assert moment(written) == at


@pytest.mark.parametrize(
    ("adapter", "settings", "person", "url"),
    [
        (MESSENGER, PAGE, ANA, f"https://graph.facebook.com/v25.0/{PAGE_ID}/conversations"),
        (INSTAGRAM, BY_FACEBOOK, ANA_THERE, f"/v25.0/{PAGE_ID}/conversations"),
        (INSTAGRAM, BY_INSTAGRAM, ANA_THERE, "graph.instagram.com/v25.0/me/conversations"),
    ],
)
def test_the_conversation_with_one_person_is_asked_for(
    adapter: Any, settings: Any, person: Any, url: str
) -> None:
    of = desk_of(adapter).of
    assert of is not None

    [call], found = play(of((person,), settings), answered(THREADS))

    assert call.url.endswith(url)
    assert (call.query["user_id"], call.query["platform"]) == (person.value, adapter.platform)
    assert [thread.id for thread in found.threads] == ["t_10001", "t_10002"]


def test_of_somebody_without_an_id_nothing_is_asked() -> None:
    of = desk_of().of
    assert of is not None

    calls, found = play(of((IdentityKey("user_ref", "guest", PAGE_ID),), PAGE))

    assert (calls, found) == ([], ThreadPage((), None))
