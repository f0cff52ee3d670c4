"""For any content: it fits the channel, nothing is lost, every option can be picked."""

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve
from hypothesis import event, given, settings
from hypothesis import strategies as st

from omni_actors.adapters.contract import Medium, PartToSend
from omni_actors.adapters.instagram import INSTAGRAM
from omni_actors.adapters.messenger import MESSENGER
from omni_actors.adapters.whatsapp import WHATSAPP
from omni_actors.adapters.whatsapp.settings import WhatsAppSettings
from omni_actors.model.capabilities import Capabilities, Level
from omni_actors.model.content import (
    Action,
    CallInvite,
    Card,
    Carousel,
    ChoiceResponse,
    Choices,
    ContactCard,
    Contacts,
    Content,
    Email,
    FormRequest,
    Location,
    Media,
    MediaKind,
    Option,
    Phone,
    Products,
    ProductSection,
    Reaction,
    Request,
    RequestKind,
    Template,
    Text,
    Via,
)
from omni_actors.model.reports import IdentityKey
from omni_actors.policy.answers import OpenQuestion, folded, match
from omni_actors.policy.flattening import described
from omni_actors.policy.marks import mark_in, marks_of
from omni_actors.policy.shaping import MediumFacts, Shaped, Unshapable, shape
from omni_actors.sandbox.whatsapp.bodies import check_message
from omni_actors.wire.calls import HttpReply
from tests.adapters.kit import play
from tests.policy.platforms import POOR, RICH, excess, said, squeezed

WA = WHATSAPP.capabilities
PLATFORMS = {
    "whatsapp": WA,
    "messenger": MESSENGER.capabilities,
    "instagram": INSTAGRAM.capabilities,
    "poor": POOR,
    "rich": RICH,
}
COSTS = {Level.FLATTENED, Level.DROPPED, Level.REFUSED}

_SPACES = ["# ", "- ", "\n\n", " ", ". "]
_CLUSTERS = [
    *_SPACES,
    "👨‍👩‍👧‍👦",
    "🇬🇧",
    "é́",
    "क्षि",
    "2️⃣",
    "א\u200f",
    "\u200b",
    "*b*",
    "# ",
    "- ",
    "\n\n",
    " ",
    ". ",
    "ﬀ",
]
SHORT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.lists(st.sampled_from(_CLUSTERS), max_size=12).map("".join),
    st.sampled_from(["1", "2", "10", "a", "Yes", "yes!", "Yes ", "2 tickets", "option 1"]),
)
LONG = st.one_of(SHORT, st.builds(lambda text, n: (text * n)[:9_000], SHORT, st.integers(1, 2_000)))
WORDS = st.one_of(st.text("abc defg.\n", min_size=1, max_size=60), SHORT)
IDS = st.one_of(st.text(min_size=1, max_size=5), st.text("xy", min_size=190, max_size=260))
LONG_URL = "https://files.example/" + "a" * 2_000
FORMATS: Any = st.sampled_from(["plain", "markdown"])
MAYBE_WORDS = st.none() | WORDS


def mostly(usual: Any, odd: Any) -> Any:
    """What people send, and now and then what they should not."""
    return st.integers(0, 7).flatmap(lambda n: odd if n == 0 else usual)


SECTIONS = st.sampled_from([None, None, "Tea", "Coffee", "a heading of more than 24 units"])
ODD_OPTIONS = st.lists(
    st.builds(Option, IDS, SHORT | LONG, st.none() | SHORT, SECTIONS),
    max_size=120,
    unique_by=lambda option: option.id,
)
NAMES = st.text("abcdefgh ", min_size=1, max_size=25).map(lambda name: f"t{name}".strip())
USUAL_OPTIONS = st.sampled_from([(1, 3), (1, 10), (8, 14)]).flatmap(
    lambda size: st.lists(
        st.builds(
            Option, NAMES, mostly(NAMES, SHORT), st.none() | NAMES, mostly(st.none(), SECTIONS)
        ),
        min_size=size[0],
        max_size=size[1],
        unique_by=lambda option: option.id,
    )
)
OPTIONS = mostly(USUAL_OPTIONS, ODD_OPTIONS)
MEDIA = st.builds(
    Media,
    kind=st.sampled_from(MediaKind),
    media_id=st.none() | st.sampled_from(["known", "bare"]),
    url=st.none() | st.sampled_from(["https://files.example/a", LONG_URL]),
    caption=st.none() | LONG,
    filename=st.none() | SHORT,
)
FACTS = st.builds(
    MediumFacts,
    st.none()
    | st.sampled_from(["image/jpeg", "IMAGE/PNG; q=1", "image/webp", "audio/ogg", "video/mp4"]),
    st.none() | st.sampled_from([0, 7_999, 90_000, 600_000, 6_000_000, 90_000_000, 200_000_000]),
    st.none() | st.just("a-rather-long-name-of-a-file.tar.gz"),
)
LABELS = mostly(st.sampled_from(["Buy", "More", "Buy\nnow"]), SHORT)
URLS = mostly(st.just("https://shop.example/1"), st.just(LONG_URL))
ACTIONS = mostly(
    st.builds(Action, LABELS, URLS) | st.builds(Action, LABELS, st.none(), IDS),
    st.builds(Action, LABELS, st.none() | URLS, st.none() | IDS),
)
PICTURES = st.builds(
    Media,
    kind=st.sampled_from([MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.DOCUMENT]),
    media_id=st.none() | st.just("known"),
    url=st.just("https://files.example/a"),
)
PICTURE = Media(MediaKind.IMAGE, url="https://files.example/a")
CARDS = st.builds(
    Card,
    mostly(NAMES, SHORT),
    MAYBE_WORDS,
    st.none() | mostly(PICTURES, MEDIA),
    st.lists(ACTIONS, max_size=4).map(tuple),
    st.none() | SHORT,
)
LINK = st.builds(Action, LABELS, URLS).map(lambda action: (action,))
REPLY = st.builds(Action, LABELS, st.none(), st.text("ab", min_size=1, max_size=21)).map(
    lambda action: (action,)
)


def cards_with(actions: Any) -> Any:
    """Cards that may stand side by side, as often as not."""
    pictures = mostly(st.just(PICTURE), PICTURES)
    cards = st.builds(Card, NAMES, mostly(st.none() | NAMES, WORDS), pictures, actions)
    return st.lists(cards, min_size=1, max_size=11).map(tuple)


CAROUSELS = st.one_of(
    st.builds(Carousel, st.lists(CARDS, max_size=4).map(tuple), MAYBE_WORDS),
    st.builds(Carousel, cards_with(LINK), mostly(st.just("New"), LONG)),
    st.builds(Carousel, cards_with(REPLY), mostly(st.just("New"), LONG)),
)
HEADERS = st.none() | st.just("A header") | SHORT | LONG.map(lambda text: text[:100])
CHOICES = st.builds(
    Choices,
    mostly(st.just("Which?"), LONG),
    OPTIONS.map(tuple),
    FORMATS,
    st.none() | SHORT,
    HEADERS,
    st.none() | PICTURES | MEDIA,
    HEADERS,
)
JSON_VALUES = st.dictionaries(st.sampled_from(["name", "city"]), SHORT, max_size=2)
REQUESTS = st.builds(
    Request,
    st.sampled_from(RequestKind),
    LONG,
    FORMATS,
    HEADERS,
    HEADERS,
    st.sampled_from([None, "IN", "GB"]),
    JSON_VALUES,
)
FORM_REQUESTS = st.builds(
    FormRequest,
    LONG,
    form_id=st.just("70001"),
    button=st.none() | SHORT,
    header=HEADERS,
    media=st.none() | PICTURES,
    footer=HEADERS,
    first=st.sampled_from(["navigate", "data_exchange"]),
    screen=st.none() | st.just("WELCOME"),
    data=JSON_VALUES,
)
PRODUCT_SECTIONS = st.lists(
    st.builds(
        ProductSection,
        st.lists(mostly(st.just("SKU-9"), IDS), min_size=1, max_size=8).map(tuple),
        mostly(st.just("Tea"), st.none() | SHORT),
    ),
    max_size=6,
).map(tuple)
PRODUCTS = st.builds(
    Products,
    mostly(st.just("For you"), st.none() | LONG),
    mostly(st.just("5511"), st.none()),
    PRODUCT_SECTIONS,
    st.sampled_from(["list", "carousel"]),
    FORMATS,
    HEADERS,
    HEADERS,
    st.none() | st.just("SKU-9"),
)
CALLS = st.builds(
    CallInvite,
    LONG,
    st.none() | SHORT,
    FORMATS,
    st.none() | st.integers(1, 50_000),
    st.none() | st.just("ticket-42"),
)
VALUES: Any = st.sampled_from(
    ["Ada", 42, {"date_time": {"fallback_value": "1 May"}}, None, "", {"odd": 1}]
)
FILLED: Any = st.fixed_dictionaries(
    {},
    optional={
        "header": st.sampled_from(
            ["Ada", {"media_id": "known", "kind": "image"}, {"url": "https://a.example", "kind": 1}]
        ),
        "body": st.lists(VALUES, max_size=3) | st.dictionaries(st.just("name"), VALUES),
        "buttons": st.lists(
            st.sampled_from(
                [
                    None,
                    "42",
                    {"payload": "p" * 128},
                    {"coupon_code": "SAVE10"},
                    {"coupon_code": "S" * 21},
                    {"flow_token": None, "flow_data": {"a": 1}},
                    {"product": "SKU-9"},
                    {"ttl_minutes": 50_000},
                    {"ttl_minutes": 60},
                ]
            ),
            max_size=11,
        ),
    },
)
TEMPLATES = st.builds(
    lambda own, cards: Template("order", "en", own | ({"carousel": cards} if cards else {})),
    FILLED,
    st.lists(FILLED, max_size=11),
)
PEOPLE = st.builds(
    ContactCard, SHORT, phones=st.lists(st.builds(Phone, SHORT), max_size=2).map(tuple)
)
CONTENT: st.SearchStrategy[Content] = st.one_of(
    st.builds(Text, LONG, FORMATS),
    MEDIA,
    CHOICES,
    CARDS,
    CAROUSELS,
    REQUESTS,
    FORM_REQUESTS,
    PRODUCTS,
    CALLS,
    TEMPLATES,
    st.builds(Location, st.floats(-90, 90), st.floats(-180, 180), MAYBE_WORDS, MAYBE_WORDS),
    st.builds(Contacts, st.lists(PEOPLE, max_size=12).map(tuple)),
    st.builds(Email, SHORT, LONG, st.none(), st.just(()) | st.just(("a@example.org",))),
    st.just(Reaction("👍", "msg_1")),
)


def outcome_of(
    content: Content,
    attachments: Sequence[Media],
    capabilities: Capabilities,
    facts: dict[str, MediumFacts],
    *,
    adapt: bool,
) -> Shaped | Unshapable:
    """What shaping answers or raises."""
    try:
        return shape(content, attachments, capabilities, facts, adapt=adapt)
    except Unshapable as refusal:
        return refusal


def pointed(pointer: str, content: Content, attachments: Sequence[Media]) -> bool:
    """Whether a JSON pointer names a place of the request, or a key that is absent there."""
    here: Any = {"content": content, "attachments": attachments}
    for step in pointer.lstrip("/").split("/"):
        if isinstance(here, dict):
            here = here[step]
        elif isinstance(here, Sequence) and not isinstance(here, str):
            here = here[int(step)]
        else:
            here = getattr(here, step)
    return True


@settings(max_examples=300, deadline=None)
@pytest.mark.slow
@given(
    CONTENT, st.lists(MEDIA, max_size=3), FACTS, st.sampled_from(sorted(PLATFORMS)), st.booleans()
)
def test_whatever_is_sent_fits_the_channel_or_is_refused_in_words(
    content: Content, attachments: list[Media], known: MediumFacts, platform: str, adapt: bool
) -> None:
    capabilities, facts = PLATFORMS[platform], {"known": known}

    outcome = outcome_of(content, attachments, capabilities, facts, adapt=adapt)

    if isinstance(outcome, Unshapable):
        assert outcome.why
        assert pointed(outcome.pointer, content, attachments)
        return
    shaped = outcome
    assert shaped.parts
    assert [excess(part, capabilities, facts) for part in shaped.parts] == [[]] * len(shaped.parts)
    assert all(note.why and pointed(note.path, content, attachments) for note in shaped.notes)
    assert json.dumps([note.as_json() for note in shaped.notes])
    assert adapt or not {note.level for note in shaped.notes} & COSTS
    sent = [seen(part.content) for part in shaped.parts]
    asked = [seen(content)] if shaped.options else []
    beside = [seen(attachment) for attachment in attachments]
    told = [*beside, *asked] if asked else [seen(content), *beside]
    assert shaped.notes or sent == told
    if platform == "whatsapp":
        assert all(taken_by_whatsapp(shaped, facts))


def seen(content: Content) -> Content:
    """Content as people see it: a label or a name of mere whitespace is none."""
    if isinstance(content, Products):
        titled = [evolve(one, title=shown(one.title)) for one in content.sections]
        content = evolve(content, sections=tuple(titled))
    names = ("caption", "filename", "header", "footer", "button")
    told = {name: getattr(content, name) for name in names if hasattr(content, name)}
    changes: dict[str, Any] = {name: shown(text) for name, text in told.items()}
    seen_as: Content = evolve(content, **changes)
    return seen_as


def shown(text: str | None) -> str | None:
    """A label that somebody can see, or none."""
    return text if visible(squeezed(text or "")) else None


def taken_by_whatsapp(shaped: Shaped, facts: dict[str, MediumFacts]) -> list[bool]:
    """Whether the adapter sends each part, and as strict a platform as the sandbox takes it."""
    reply = HttpReply(200, body=b'{"messages": [{"id": "wamid.1"}]}')
    outcomes = []
    for part in shaped.parts:
        media = {
            id: Medium(id, "blob", facts.get(id, MediumFacts()).mime or "", 1, uploaded="990001")
            for id in part.media_ids
        }
        to = (IdentityKey("phone", "447700900123"),)
        sent = PartToSend(
            "prt_1", part.form, part.content, to, media=media,
            reply_to="wamid.0" if isinstance(part.content, Reaction) else None,
        )  # fmt: skip
        calls, result = play(WHATSAPP.send(sent, WhatsAppSettings("770011223344556")), reply)
        check_message(calls[0].json)
        outcomes.append(result.external_ids == ("wamid.1",) and bool(json.dumps(calls[0].json)))
    return outcomes


@settings(max_examples=200, deadline=None)
@pytest.mark.slow
@given(CHOICES, st.sampled_from([WA, POOR]))
def test_every_option_of_a_question_can_be_seen_once_and_picked(
    asked: Choices, capabilities: Capabilities
) -> None:
    asked = evolve(asked, format="plain", media=None)
    try:
        shaped = shape(asked, [], capabilities, {})
    except Unshapable:
        return

    question = OpenQuestion("msg_1", shaped.options, shaped.numbered, ("wamid.1",))
    marks = marks_of(shaped.options)
    assert [option.id for option in shaped.options] == [option.id for option in asked.options]
    header, footer = asked.header or "", asked.footer or ""
    if shaped.numbered:
        lines = headed_lines(shaped.options, marks)
        whole = f"{header}{asked.text}{''.join(lines)}{footer}"
        assert visible(said(shaped)) == visible(squeezed(whole))
    else:
        last = shaped.parts[-1].content
        assert isinstance(last, Choices)
        assert last.options == shaped.options
        told = f"{last.header or ''}{said(shaped)}{last.text}{last.footer or ''}"
        assert visible(squeezed(told)) == visible(squeezed(header + asked.text + footer))
    for mark, option in zip(marks, shaped.options, strict=True):
        native = match(ChoiceResponse(option.id, Via.NATIVE), "wamid.1", [question])
        assert native is not None
        assert native.option is option
        by_mark = match(Text(f" {mark}. "), None if shaped.numbered else "wamid.1", [question])
        assert by_mark is not None
        assert by_mark.option.id == option.id or mark_in(by_mark.option.title) == mark
        if is_plain_label(option, shaped.options, marks):
            by_label = match(Text(option.title), None, [question])
            assert by_label is not None
            assert (by_label.option, by_label.via) == (option, Via.LABEL)


def headed_lines(options: Sequence[Option], marks: Sequence[str]) -> list[str]:
    """The lines that options become in text, each heading before the first of its own."""
    lines, heading = [], None
    for mark, option in zip(marks, options, strict=True):
        lines += [option.section] if option.section and option.section != heading else []
        heading = option.section
        lines.append(f"{mark}. {described(option)}")
    return lines


@settings(max_examples=200, deadline=None)
@pytest.mark.slow
@given(CARDS | CAROUSELS, st.sampled_from([WA, POOR, RICH]))
def test_every_answer_and_link_of_a_card_is_reachable(
    content: Card | Carousel, capabilities: Capabilities
) -> None:
    try:
        shaped = shape(content, [], capabilities, {"known": MediumFacts("image/jpeg", 9)})
    except Unshapable:
        return

    cards = content.cards if isinstance(content, Carousel) else (content,)
    actions = [action for card in cards for action in card.actions]
    answers = {action.id for action in actions if action.id}
    shown = [buttons_of(part.content) for part in shaped.parts]
    ids = {id for these, _links in shown for id in these}
    links = {link for _ids, these in shown for link in these}
    text = squeezed("".join([words_of(part.content) for part in shaped.parts]))
    assert {option.id for option in shaped.options} == answers
    assert all(action.url in links or action.url in text for action in actions if action.url)
    if not shaped.numbered:
        assert ids == answers
        return
    for mark, option in zip(marks_of(shaped.options), shaped.options, strict=True):
        assert visible(squeezed(f"{mark}. {option.title}")) in visible(text)


def buttons_of(content: Content) -> tuple[list[str], list[str]]:
    """The ids and the links behind the buttons of a part."""
    match content:
        case Choices():
            return [option.id for option in content.options], []
        case Card():
            actions = content.actions
        case Carousel():
            actions = tuple([action for card in content.cards for action in card.actions])
        case _:
            actions = ()
    return [a.id for a in actions if a.id], [a.url for a in actions if a.url]


def words_of(content: Content) -> str:
    """The text or caption of a part."""
    found = getattr(content, "text", None) or getattr(content, "caption", None)
    return found or ""


def visible(text: str) -> str:
    """Text without characters that only steer, which a blank piece may take along."""
    return "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc"))


def is_plain_label(option: Option, options: Sequence[Option], marks: Sequence[str]) -> bool:
    """Whether an option's label can mean only that option, by any reading."""
    alike = [
        o for o in options for s in (o.title, described(o)) if folded(s) == folded(option.title)
    ]
    by_mark = mark_in(option.title) in marks or re.match(r"\W*(\d|\w\W)", option.title)
    return len(alike) == 1 and not by_mark and len(option.title) < 1000


@settings(max_examples=100, deadline=None)
@pytest.mark.slow
@given(LONG, st.sampled_from([WA, POOR]))
def test_no_word_of_a_long_text_is_lost(text: str, capabilities: Capabilities) -> None:
    try:
        shaped = shape(Text(text), [], capabilities, {})
    except Unshapable:
        event("nothing to see")
        shaped = Shaped(())

    assert visible(said(shaped)) == visible(squeezed(text))
    assert (len(shaped.parts) > 1) == bool(shaped.notes)
