"""The variables of mail templates: what fits, what is filled in, which template is meant."""

from typing import Any

import pytest

from omni_actors.model.mail_templates import MailTemplate, Variable, VariableType
from omni_actors.policy.mail_templates import Unknown, WrongVariable, filled, find, unfit, wrong

ORDER = Variable("order", VariableType.STRING, True, example="A-1")
COUNT = Variable("count", VariableType.INTEGER, False, default=1)
NOTE = Variable("note", VariableType.STRING, False)


def template(name: str = "sent", language: str = "en", *variables: Variable) -> MailTemplate:
    return MailTemplate(name, language, name, "s", "t", variables=variables)


SENT = template("sent", "en", ORDER, COUNT, NOTE)
GERMAN = template("sent", "de")
OTHER = template("other", "pt_BR")

FITS: list[tuple[VariableType, Any, bool]] = [
    (VariableType.STRING, "a", True),
    (VariableType.STRING, 1, False),
    (VariableType.INTEGER, 1, True),
    (VariableType.INTEGER, 1.5, False),
    (VariableType.INTEGER, True, False),
    (VariableType.NUMBER, 1.5, True),
    (VariableType.NUMBER, "1", False),
    (VariableType.NUMBER, False, False),
    (VariableType.BOOLEAN, False, True),
    (VariableType.BOOLEAN, 0, False),
    (VariableType.URL, "HTTPS://a.example/", True),
    (VariableType.URL, "javascript:alert(1)", False),
    (VariableType.URL, "//a.example", False),
    (VariableType.LIST, [{"a": 1}], True),
    (VariableType.LIST, {"a": 1}, False),
    (VariableType.OBJECT, {"a": [1]}, True),
    (VariableType.OBJECT, [1], False),
]


@pytest.mark.parametrize(("type_", "value", "fits"), FITS)
def test_a_value_is_of_its_type_or_not(type_: VariableType, value: Any, fits: bool) -> None:
    assert (unfit(type_, value) == "") is fits


def test_a_value_of_endless_depth_is_refused() -> None:
    value: list[Any] = []
    for _ in range(30):
        value = [value]

    assert "deeper" in unfit(VariableType.LIST, value)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = wrong(SENT, {"ordr": "A", "count": "two", "note": None})

    assert found == (
        WrongVariable("ordr", "is no variable of sent; there is order, count, note"),
        WrongVariable("order", "is missing; it is a required string"),
        WrongVariable("count", "must be an integer"),
    )


def test_values_come_from_the_caller_then_the_default() -> None:
    assert filled(SENT, {"order": "B"}) == {"order": "B", "count": 1, "note": None}


def test_a_preview_shows_examples() -> None:
    assert filled(SENT, {"count": 3}, examples=True) == {"order": "A-1", "count": 3, "note": None}


@pytest.mark.parametrize(
    ("name", "language", "found"),
    [
        ("sent", "de", GERMAN),
        ("other", None, OTHER),
        ("sent", None, "the mail template sent is there in de, en: choose one"),
        ("sent", "fr", "the mail template sent is not there in fr, but in de, en"),
        ("nope", "en", "there is no mail template nope; there is other, sent"),
    ],
)
def test_a_template_is_found_by_name_and_language(
    name: str, language: str | None, found: MailTemplate | str
) -> None:
    result = find(name, language, [SENT, GERMAN, OTHER])

    assert (result.sentence if isinstance(result, Unknown) else result) == found
