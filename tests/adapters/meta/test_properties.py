"""For any content: what is spelled is taken, and whatever can be picked can be picked."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_actors.adapters.contract import Adapter, Medium, PartToSend
from omni_actors.adapters.instagram import INSTAGRAM
from omni_actors.adapters.messenger import MESSENGER
from omni_actors.model.content import (
    Action,
    Adjustment,
    Card,
    Carousel,
    Choices,
    Content,
    Coupon,
    FeedbackRequest,
    Post,
    Receipt,
    ReceiptItem,
    Template,
)
from omni_actors.model.reports import IdentityKey
from omni_actors.policy.marks import marks_of
from omni_actors.policy.shaping import MediumFacts, Shaped, Unshapable, shape
from omni_actors.sandbox.instagram import bodies as instagram
from omni_actors.sandbox.messenger import bodies as messenger
from tests.adapters.kit import play
from tests.adapters.meta.kit import BY_INSTAGRAM, PAGE, answered
from tests.policy.platforms import squeezed
from tests.policy.test_shaping_properties import (
    CARDS,
    CAROUSELS,
    CHOICES,
    CONTENT,
    FACTS,
    IDS,
    LABELS,
    MEDIA,
    SHORT,
    URLS,
    WORDS,
    words_of,
)

PLATFORMS: dict[str, tuple[Adapter[Any, Any], Any]] = {
    "messenger": (MESSENGER, PAGE),
    "instagram": (INSTAGRAM, BY_INSTAGRAM),
}
CHECKS = {"messenger": messenger.check_send, "instagram": instagram.check_send}
MORE = st.one_of(
    st.builds(Action, LABELS, phone=st.just("+351210000000")),
    st.builds(Action, LABELS, login=URLS),
    st.builds(Action, LABELS, does=st.just("log_out")),
    st.builds(Action, LABELS, URLS, size=st.just("tall")),
)
TAPPED = st.builds(
    lambda card, more, url: evolve(card, actions=(*card.actions[:2], *more), url=url),
    CARDS,
    st.lists(MORE, max_size=2),
    st.none() | URLS,
)
DECKS = st.builds(Carousel, st.lists(TAPPED, min_size=1, max_size=11).map(tuple), st.none() | WORDS)
PICTURED = st.builds(
    lambda asked, url: evolve(
        asked, options=tuple([evolve(option, image=url) for option in asked.options])
    ),
    CHOICES,
    URLS,
)
AMOUNTS = st.floats(0, 1e6)
RECEIPTS = st.builds(
    Receipt,
    IDS,
    WORDS,
    st.just("EUR"),
    WORDS,
    AMOUNTS,
    st.lists(st.builds(ReceiptItem, WORDS, AMOUNTS), max_size=120).map(tuple),
    adjustments=st.lists(st.builds(Adjustment, WORDS, AMOUNTS), max_size=2).map(tuple),
)
COUPONS = st.builds(Coupon, WORDS, st.none() | WORDS, st.none() | IDS, st.none() | URLS)
FEEDBACK = st.builds(FeedbackRequest, IDS, WORDS, WORDS, URLS, text=st.none() | SHORT)
ALL: st.SearchStrategy[Content] = st.one_of(
    CONTENT.filter(lambda content: not isinstance(content, Template)),
    TAPPED,
    DECKS,
    PICTURED,
    RECEIPTS,
    COUPONS,
    FEEDBACK,
    st.just(Post("181394")),
)


def shaped_for(
    content: Content, attachments: Any, platform: str, facts: dict[str, MediumFacts]
) -> Shaped | None:
    """What a platform makes of content; None where it refuses it in words."""
    try:
        return shape(content, attachments, PLATFORMS[platform][0].capabilities, facts)
    except Unshapable:
        return None


def bodies(shaped: Shaped, platform: str, facts: dict[str, MediumFacts]) -> list[Any]:
    """The bodies that parts become."""
    adapter, account = PLATFORMS[platform]
    kind = "psid" if platform == "messenger" else "igsid"
    reply = answered({"recipient_id": "73", "message_id": "m_1"})
    found = []
    for part in shaped.parts:
        media = {}
        for named in part.media_ids:
            known = facts.get(named, MediumFacts())
            mime, size = known.mime or "application/pdf", known.size or 1
            media[named] = Medium(named, "blob", mime, size, uploaded="18577")
        sent = PartToSend(
            "prt_1", part.form, part.content, (IdentityKey(kind, "73"),), media=media,
            reply_to="m_0" if part.form == "reaction" else None,
        )  # fmt: skip
        (call,), _sent = play(adapter.send(sent, account), reply)
        if call.json is None:
            assert call.form is not None
            assert call.upload is not None  # bytes go along with the message
        else:
            found.append(call.json)
    return found


@settings(max_examples=300, deadline=None)
@pytest.mark.slow
@given(ALL, st.lists(MEDIA, max_size=2), FACTS, st.sampled_from(sorted(PLATFORMS)))
def test_whatever_is_spelled_is_within_the_platforms_limits(
    content: Content, attachments: Any, known: MediumFacts, platform: str
) -> None:
    facts = {"known": known}
    shaped = shaped_for(content, attachments, platform, facts)
    if shaped is None:
        return

    for body in bodies(shaped, platform, facts):
        CHECKS[platform](body)


def payloads(body: Any) -> set[str]:
    """All that a body's buttons and replies answer with."""
    message = body.get("message", {})
    found = {each["payload"] for each in message.get("quick_replies", ()) if "payload" in each}
    payload = message.get("attachment", {}).get("payload", {})
    buttons = [*payload.get("buttons", ())]
    for element in payload.get("elements", ()):
        buttons += element.get("buttons", ())
    return found | {each["payload"] for each in buttons if each["type"] == "postback"}


def links(body: Any) -> set[str]:
    """All that a body's buttons and cards lead to."""
    payload = body.get("message", {}).get("attachment", {}).get("payload", {})
    buttons = [*payload.get("buttons", ())]
    for element in payload.get("elements", ()):
        buttons += element.get("buttons", ())
        buttons += [element["default_action"]] if "default_action" in element else []
    targets = {each["url"] for each in buttons if "url" in each}
    return targets | {each["payload"] for each in buttons if each["type"] == "phone_number"}


@settings(max_examples=300, deadline=None)
@pytest.mark.slow
@given(PICTURED | CHOICES, st.sampled_from(sorted(PLATFORMS)))
def test_every_option_of_a_question_can_be_picked(asked: Choices, platform: str) -> None:
    shaped = shaped_for(asked, (), platform, {})
    if shaped is None:
        return

    told = bodies(shaped, platform, {})

    assert [option.id for option in shaped.options] == [option.id for option in asked.options]
    if not shaped.numbered:
        assert payloads(told[-1]) == {option.id for option in asked.options}
        return
    text = squeezed("".join([words_of(part.content) for part in shaped.parts]))
    for mark, option in zip(marks_of(shaped.options), shaped.options, strict=True):
        assert squeezed(f"{mark}. {option.title}").strip("\u200b\u200f") in text


@settings(max_examples=300, deadline=None)
@pytest.mark.slow
@given(TAPPED | DECKS | CAROUSELS, st.sampled_from(sorted(PLATFORMS)))
def test_every_button_of_a_card_is_reachable(content: Card | Carousel, platform: str) -> None:
    facts = {"known": MediumFacts("image/jpeg", 9)}
    shaped = shaped_for(content, (), platform, facts)
    if shaped is None:
        return

    told = bodies(shaped, platform, facts)

    cards = content.cards if isinstance(content, Carousel) else (content,)
    actions = [action for card in cards for action in card.actions]
    shown = set().union(*map(links, told))
    text = squeezed("".join([words_of(part.content) for part in shaped.parts]))
    wanted = [action.url or action.login or action.phone for action in actions]
    wanted += [card.url for card in cards]
    assert all(target in shown or target in text for target in wanted if target)
    answers = {action.id for action in actions if action.id}
    assert {option.id for option in shaped.options} == answers
    if not shaped.numbered:
        assert answers <= set().union(*map(payloads, told))
