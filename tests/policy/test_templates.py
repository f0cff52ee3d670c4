"""What is said of a template before it is sent, and when templates are read again."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.templates import (
    ButtonKind,
    ButtonSlot,
    CardSlot,
    HeaderKind,
    HeaderSlot,
    Layout,
    Need,
    TemplateDefinition,
    TemplateStatus,
    TextSlot,
)
from omni_actors.policy.templates import (
    SYNC_GAP_S,
    Unsendable,
    check,
    find,
    next_sync,
    sync_soon,
)

TWO = TextSlot("Hi {{1}}, order {{2}} is ready.", ("1", "2"))
NAMED = TextSlot("Dear {{first_name}}, come at {{time}}.", ("first_name", "time"), named=True)
BARE = TextSlot("Welcome!")
IMAGE = HeaderSlot("image")
PICTURE = {"media_id": "med_1", "kind": "image"}


def button(kind: ButtonKind, need: Need) -> ButtonSlot:
    return ButtonSlot(kind, "Go", need)


THANKS, TRACK, CALL = (
    button("quick_reply", "optional"),
    button("url", "required"),
    button("phone_number", "none"),
)
CARD = CardSlot(IMAGE, TextSlot("{{1}}", ("1",)), (TRACK,))
FILLED_CARD = {"header": PICTURE, "body": ["Fern"], "buttons": ["fern"]}

FITS: dict[str, tuple[Layout, dict[str, Any]]] = {
    "no variables": (Layout(body=BARE), {}),
    "nothing said in many words": (
        Layout(body=BARE, buttons=(THANKS,)),
        {"header": None, "body": [], "buttons": [None], "carousel": []},
    ),
    "by position": (Layout(body=TWO), {"body": ["Ada", 42]}),
    "by name": (Layout(body=NAMED), {"body": {"first_name": "Ada", "time": "nine"}}),
    "a time": (
        Layout(body=TWO),
        {"body": ["Ada", {"date_time": {"fallback_value": "May"}}]},
    ),
    "a text header as a text": (
        Layout(header=HeaderSlot("text", TextSlot("Order {{1}}", ("1",)))),
        {"header": "42"},
    ),
    "a text header as a list": (
        Layout(header=HeaderSlot("text", TextSlot("Order {{1}}", ("1",)))),
        {"header": ["42"]},
    ),
    "a text header by name": (
        Layout(header=HeaderSlot("text", TextSlot("{{no}}", ("no",), named=True))),
        {"header": {"no": "42"}},
    ),
    "an image": (Layout(header=IMAGE), {"header": PICTURE}),
    "an image by address": (
        Layout(header=IMAGE),
        {"header": {"url": "https://shop.example/a.png", "kind": "image"}},
    ),
    "a place": (Layout(header=HeaderSlot("location")), {"header": {"location": {"name": "Shop"}}}),
    "buttons": (
        Layout(buttons=(THANKS, TRACK, CALL)),
        {"buttons": [{"payload": "THANKS:1"}, "42", None]},
    ),
    "an optional button left out": (Layout(buttons=(THANKS, TRACK)), {"buttons": [None, "42"]}),
    "an offer": (Layout(offer="required"), {"limited_time_offer": {"expires_at": 1_790_000_000}}),
    "a carousel": (Layout(body=BARE, cards=(CARD, CARD)), {"carousel": [FILLED_CARD] * 2}),
    "what nobody understands": (Layout(body=TWO, understood=False), {"whatever": 1}),
}


@pytest.mark.parametrize(("layout", "params"), FITS.values(), ids=FITS.keys())
def test_parameters_that_fit(layout: Layout, params: dict[str, Any]) -> None:
    assert check(layout, params) == ()


MUST_BE_TEXT = "must be a text, a number, or an object with currency or date_time"
MISFITS: dict[str, tuple[Layout, dict[str, Any], dict[str, str]]] = {
    "too few": (
        Layout(body=TWO),
        {"body": ["Ada"]},
        {"/body": "has 1 values; the template wants 2 values"},
    ),
    "too many": (
        Layout(body=TWO),
        {"body": ["Ada", "42", "x"]},
        {"/body": "has 3 values; the template wants 2 values"},
    ),
    "none at all": (Layout(body=TWO), {}, {"/body": "is missing; the template wants 2 values"}),
    "some where none belong": (
        Layout(body=BARE),
        {"body": ["Ada"]},
        {"/body": "must be left out: the template has no variables there"},
    ),
    "named instead of positions": (
        Layout(body=TWO),
        {"body": {"first_name": "Ada"}},
        {"/body": "must be a list: the variables have positions; the template wants 2 values"},
    ),
    "positions instead of names": (
        Layout(body=NAMED),
        {"body": ["Ada", "nine"]},
        {"/body": "must be an object: the variables are named; "
         "the template wants first_name, time"},
    ),
    "another name": (
        Layout(body=NAMED),
        {"body": {"first_name": "Ada", "when": "nine"}},
        {
            "/body/time": "is missing",
            "/body/when": "is no variable; the template wants first_name, time",
        },
    ),
    "values of the wrong type": (
        Layout(body=TWO),
        {"body": [" ", True]},
        {"/body/0": "must not be empty", "/body/1": MUST_BE_TEXT},
    ),
    "no header": (
        Layout(header=IMAGE),
        {},
        {"/header": "is missing; the template's header shows an image: "
         'give {"media_id": "…", "kind": "image"}'},
    ),
    "a text for an image": (
        Layout(header=IMAGE),
        {"header": "hello"},
        {"/header": "must be an object that shows an image, such as "
         '{"media_id": "…", "kind": "image"}'},
    ),
    "a video for an image": (
        Layout(header=IMAGE),
        {"header": {"media_id": "med_1", "kind": "video"}},
        {"/header/kind": "must be image, as the template's header is; it is video"},
    ),
    "no medium": (
        Layout(header=IMAGE),
        {"header": {"kind": "image"}},
        {"/header": 'names no medium; give {"media_id": "…", "kind": "image"}'},
    ),
    "a header where none is": (
        Layout(body=BARE),
        {"header": "x"},
        {"/header": "must be left out: the template has no header"},
    ),
    "a picture for a place": (
        Layout(header=HeaderSlot("location")),
        {"header": PICTURE},
        {"/header": 'must be an object that shows a location, such as {"location": {…}}'},
    ),
    "a missing button": (
        Layout(buttons=(THANKS, TRACK)),
        {"buttons": [{"payload": "THANKS"}]},
        {"/buttons/1": "is missing: the url button 'Go' needs a value"},
    ),
    "a button that takes nothing": (
        Layout(buttons=(CALL,)),
        {"buttons": ["x"]},
        {"/buttons/0": "must be null: the phone_number button 'Go' takes no value"},
    ),
    "a button too many": (
        Layout(buttons=(THANKS,)),
        {"buttons": [None, None, "x"]},
        {"/buttons/2": "has no button: the template has 1"},
    ),
    "a button of the wrong type": (
        Layout(buttons=(TRACK,)),
        {"buttons": [["42"]]},
        {"/buttons/0": "must be a text, or an object with text: it is for the url button 'Go'"},
    ),
    "a bare text for a quick reply": (
        Layout(buttons=(THANKS,)),
        {"buttons": ["THANKS"]},
        {"/buttons/0": "must be an object with payload: it is for the quick_reply button 'Go'"},
    ),
    "a link for a coupon": (
        Layout(buttons=(button("copy_code", "required"),)),
        {"buttons": [{"text": "SAVE10"}]},
        {"/buttons/0": "must be an object with coupon_code: it is for the copy_code button 'Go'"},
    ),
    "an offer without its end": (
        Layout(offer="required"),
        {},
        {"/limited_time_offer": 'is missing; give {"expires_at": …}'},
    ),
    "an offer where none is": (
        Layout(body=BARE),
        {"limited_time_offer": {"expires_at": 1}},
        {"/limited_time_offer": "must be left out: the template has no limited offer"},
    ),
    "too few cards": (
        Layout(cards=(CARD, CARD)),
        {"carousel": [FILLED_CARD]},
        {"/carousel": "has 1 cards; the template has 2"},
    ),
    "a card that is wrong": (
        Layout(cards=(CARD, CARD)),
        {"carousel": [FILLED_CARD, {"header": PICTURE, "body": [], "foot": 1}]},
        {
            "/carousel/1/foot": "is not one of header, body, buttons",
            "/carousel/1/body": "is missing; the template wants 1 value",
            "/carousel/1/buttons/0": "is missing: the url button 'Go' needs a value",
        },
    ),
    "a component that there is not": (
        Layout(body=BARE),
        {"foo/ter": "x"},
        {"/foo~1ter": "is not one of header, body, buttons, limited_time_offer, carousel"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("layout", "params", "wrong"), MISFITS.values(), ids=MISFITS.keys())
def test_parameters_that_do_not_fit(
    layout: Layout, params: dict[str, Any], wrong: dict[str, str]
) -> None:
    assert {each.pointer: each.detail for each in check(layout, params)} == wrong


# ---------------------------------------------------------------- any layout

VALUES = st.text(min_size=1).filter(str.strip)
KINDS: list[HeaderKind] = ["image", "video", "document", "location", "product"]


@st.composite
def slots(draw: st.DrawFn) -> tuple[TextSlot, Any]:
    """A text with variables and what fills it."""
    if draw(st.booleans()):
        names = draw(st.lists(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), unique=True))
        return TextSlot("…", tuple(names), named=bool(names)), {n: draw(VALUES) for n in names}
    count = draw(st.integers(0, 4))
    places = tuple(str(n + 1) for n in range(count))
    return TextSlot("…", places), [draw(VALUES) for _ in places]


GIVEN: dict[str, Any] = {"quick_reply": {"payload": "x"}, "url": "x", "phone_number": None}


@st.composite
def cards(draw: st.DrawFn) -> tuple[CardSlot, dict[str, Any]]:
    """Header, body and buttons with what fills them."""
    kind = draw(st.sampled_from(KINDS))
    shown: dict[str, Any] = {kind: {"x": 1}, "kind": kind, "media_id": "med_1"}
    body, values = draw(slots())
    buttons = draw(st.lists(st.sampled_from([THANKS, TRACK, CALL]), max_size=4))
    given = [GIVEN[one.kind] for one in buttons]
    header = HeaderSlot(kind)
    filled = {"header": shown, "body": values, "buttons": given}
    return CardSlot(header, body, tuple(buttons)), filled


@pytest.mark.slow
@given(cards(), st.lists(cards(), max_size=3))
def test_what_fills_every_place_fits_and_without_one_it_does_not(
    own: tuple[CardSlot, dict[str, Any]], more: list[tuple[CardSlot, dict[str, Any]]]
) -> None:
    slot, filled = own
    layout = Layout(slot.header, slot.body, None, slot.buttons, cards=tuple(c for c, _ in more))
    params = {**filled, "carousel": [card for _, card in more]}

    assert check(layout, params) == ()
    for name in ("header", *(["carousel"] if more else [])):
        missing = {key: value for key, value in params.items() if key != name}
        assert [each.pointer for each in check(layout, missing)] == [f"/{name}"]


@pytest.mark.slow
@given(
    cards(),
    st.dictionaries(
        st.sampled_from(["header", "body", "buttons", "limited_time_offer", "carousel", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
        ),
    ),
)
def test_anything_is_judged_without_a_crash(
    own: tuple[CardSlot, dict[str, Any]], params: dict[str, Any]
) -> None:
    slot, _ = own
    layout = Layout(slot.header, slot.body, None, slot.buttons, "required", (slot, slot))

    assert all(each.pointer.startswith("/") and each.detail for each in check(layout, params))


# ---------------------------------------------------------------- which template


def template(language: str, status: TemplateStatus, reason: str | None = None) -> Any:
    return TemplateDefinition("order_ready", language, status, reason=reason)


APPROVED = template("en_GB", TemplateStatus.APPROVED)


@pytest.mark.parametrize(
    "status",
    [
        TemplateStatus.APPROVED,
        TemplateStatus.FLAGGED,
        TemplateStatus.LOCKED,
        TemplateStatus.ARCHIVED,
        TemplateStatus.UNKNOWN,
    ],
)
def test_what_the_platform_may_take_is_not_held_back(status: TemplateStatus) -> None:
    one = evolve(APPROVED, status=status)

    assert find("order_ready", "en_GB", [one]) == one


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (TemplateStatus.PENDING, "pending"),
        (TemplateStatus.REJECTED, "rejected"),
        (TemplateStatus.IN_APPEAL, "in appeal"),
        (TemplateStatus.PAUSED, "paused"),
        (TemplateStatus.DISABLED, "disabled"),
    ],
)
def test_what_the_platform_is_sure_to_refuse_is_told_with_the_way_out(
    status: TemplateStatus, said: str
) -> None:
    stopped = template("de", status, "LOW_QUALITY")

    found = find("order_ready", "de", [APPROVED, stopped])

    assert found == Unsendable(
        f"the template order_ready in de is {said} (LOW_QUALITY); it can be sent in en_GB"
    )


def test_another_language_is_told_which_there_are() -> None:
    found = find("order_ready", "fr", [APPROVED, template("de", TemplateStatus.PAUSED)])

    assert found == Unsendable(
        "the template order_ready does not exist in fr; it exists in de, en_GB"
    )


def test_a_name_that_nobody_knows_is_left_to_the_platform() -> None:
    assert find("order_ready", "en_GB", []) is None
    assert find("order_ready", "en_GB", [template("en_GB", TemplateStatus.DELETED)]) is None


# ---------------------------------------------------------------- when to read again

THROTTLED = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, Scope.CHANNEL, code="80008")


def test_after_a_success_it_is_read_again_in_about_an_hour() -> None:
    assert next_sync(None, 0, 1000.0, 0.0) == 1000.0 + 3420.0
    assert next_sync(None, 0, 1000.0, 1.0) == 1000.0 + 3780.0


def test_failures_in_a_row_are_answered_by_longer_and_longer_waits() -> None:
    waits = [next_sync(THROTTLED, strikes, 0.0, 0.0) for strikes in range(12)]

    assert waits[:3] == [60.0, 120.0, 240.0]
    assert waits == sorted(waits)
    assert waits[-1] == 4 * 3600.0
    assert next_sync(evolve(THROTTLED, kind=Kind.TRANSIENT), 12, 0.0, 0.0) == 3600.0


def test_what_the_platform_asks_for_is_kept() -> None:
    asked = evolve(THROTTLED, retry_after_s=900.0)

    assert next_sync(asked, 0, 0.0, 0.0) == 900.0


def test_what_an_operator_must_mend_is_not_asked_often() -> None:
    broken = Failure(Kind.BROKEN, Reason.PERMISSION_DENIED, Scope.CHANNEL)

    assert next_sync(broken, 0, 0.0, 0.0) >= 3400.0


@given(st.floats(0, 1), st.none() | st.floats(0, 1e6))
def test_news_are_read_for_soon_and_not_all_the_time(jitter: float, read_at: float | None) -> None:
    at = sync_soon(read_at, 1e6, jitter)

    assert 1e6 + 5 <= at <= 1e6 + SYNC_GAP_S
    assert read_at is None or at >= read_at + SYNC_GAP_S
