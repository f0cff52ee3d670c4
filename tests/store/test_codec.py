"""Whatever a column holds comes back as it was."""

import pytest

from omni_actors.model.content import (
    CONTENT_TYPES,
    Action,
    Adjustment,
    Call,
    CallInvite,
    Card,
    Carousel,
    ChoiceResponse,
    Choices,
    ContactCard,
    Contacts,
    Content,
    Coupon,
    Email,
    EmailAddress,
    FeedbackRequest,
    FormRequest,
    FormResponse,
    Letter,
    Location,
    Media,
    MediaKind,
    Option,
    Order,
    OrderItem,
    Organisation,
    Phone,
    Post,
    Postal,
    Products,
    ProductSection,
    Reaction,
    Receipt,
    ReceiptItem,
    Request,
    RequestKind,
    Template,
    Text,
    UnsupportedContent,
    Via,
    Web,
)
from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.reports import IdentityKey, MediaRef
from omni_actors.store import codec
from omni_actors.store.rows import Choice

PICTURE = Media(MediaKind.IMAGE, "med_1")
CONTENTS: list[Content] = [
    Text('Guten "Tag"\n\x00 é 👍'),
    Text("*bold*", "markdown"),
    Media(MediaKind.IMAGE, "med_1", caption="c", size=3),
    Choices("Which?", (Option("a", "A"), Option("b", "B", "more"))),
    Card("t", "x", Media(MediaKind.VIDEO, url="https://x.test"), (Action("go", "https://x.test"),)),
    Carousel((Card("one"), Card("two")), "text"),
    Location(51.5, -0.1, "London"),
    Contacts(
        (
            ContactCard(
                "Ada",
                phones=(Phone("1", "home"),),
                emails=(EmailAddress("a@x.test"),),
                addresses=(Postal("s", "c"),),
                urls=(Web("https://x.test"),),
                org=Organisation("Analytical"),
            ),
        )
    ),
    Choices("Which?", (Option("a", "A", section="S"),), header="H", footer="F", media=PICTURE),
    Request(RequestKind.ADDRESS, "Where?", country="IN", values={"name": "Ada", "deep": [{}]}),
    FormRequest("Two questions", "7", screen="A", data={"name": None}, media=PICTURE),
    Products("Tea", "c", (ProductSection(("1", "2"), "Green"),), layout="carousel"),
    CallInvite("Call us", ttl_minutes=60),
    Receipt(
        "A-1",
        "Ada",
        "EUR",
        "Visa",
        3.0,
        (ReceiptItem("Mug", 1.5, 2),),
        adjustments=(Adjustment("Welcome", 1.0),),
        address=Postal("s", "c"),
    ),
    Coupon("20% off", code="MUG20", image="https://x.test/c.jpg"),
    FeedbackRequest("q", "Rate us", "How was it?", "https://x.test", expires_in_days=3),
    Post("181394"),
    Card("t", actions=(Action("Call", phone="+351210000000"), Action("Out", does="log_out"))),
    Media(MediaKind.STICKER, external_id="like_heart"),
    Template("hello", "de", {"body": ["Ada", {"n": 1}]}, category="utility"),
    Reaction("👍", "msg_1"),
    Email("s", "t", "<p>h</p>", ("a@x.test",), {"X-A": "b"}),
    Letter(Choices("Which?", (Option("a", "A"),), media=PICTURE), (PICTURE,)),
    ChoiceResponse("yes", Via.NUMBER, "Yes"),
    Call("completed", 80.0),
    FormResponse("form", {"a": [1, None]}, "text"),
    Order("cat", (OrderItem("p", 2.0, 1.5, "EUR"),)),
    UnsupportedContent("poll", "unknown"),
]


@pytest.mark.parametrize("content", CONTENTS, ids=lambda c: type(c).__name__)
def test_a_content_comes_back_as_it_was(content: Content) -> None:
    spelled = codec.encode_content(content)

    assert codec.decode_content(spelled) == content
    assert codec.loads(spelled)["type"] == CONTENT_TYPES[type(content)]


def test_every_content_type_has_its_example() -> None:
    assert {type(content) for content in CONTENTS} == set(CONTENT_TYPES)


def test_what_is_at_its_default_is_left_out() -> None:
    assert codec.encode_content(Text("Hello")) == '{"type":"text","text":"Hello"}'


def test_smaller_values_come_back_as_they_were() -> None:
    failure = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, Scope.LEG, "80007", "slow", 2.5, 3)
    keys = (IdentityKey("bsuid", "GB.1", "2000"), IdentityKey("phone", "44"))
    ref = MediaRef({"id": "9", "nested": {"a": [1]}}, "image/png", size=7)
    choice = Choice("msg_1", "yes", "Yes", "number")
    options = (Option("a", "A", None), Option("b", "B", "more"))

    assert codec.decode_failure(codec.encode_failure(failure)) == failure
    assert codec.decode_failure(codec.encode_failure(None)) is None
    assert codec.decode_keys(codec.encode_keys(keys)) == keys
    assert codec.decode_ref(codec.encode_ref(ref)) == ref
    assert codec.decode_choice(codec.encode_choice(choice)) == choice
    assert codec.decode_options(codec.encode_options(options)) == options
