"""Templates in their process: what comes out, what is wrong with them, and what they cannot do."""

from typing import Any

import pytest
import trio

from omni_actors.mail_templates.rendering import (
    BOUNDS_MET,
    NotRendered,
    Rendered,
    Renderer,
    check,
)
from omni_actors.model.mail_templates import MailTemplate, Variable, VariableType

pytestmark = pytest.mark.slow

NAME = Variable("name", VariableType.STRING, True, example="Ada")
PAGE = (
    "<html><head><style>p{color:red}@media (prefers-color-scheme:dark){p{color:white}}</style>"
    "</head><body><p>{{ name }}</p></body></html>"
)
MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>Hi {{ name }}</mj-text>"
    "</mj-column></mj-section></mj-body></mjml>"
)


def template(**beside: Any) -> MailTemplate:
    made: dict[str, Any] = {
        "name": "t", "language": "en", "folder": "t", "subject": "Hi {{ name }}",
        "text": "Hi {{ name }}", "variables": (NAME,),
    }  # fmt: skip
    return MailTemplate(**(made | beside))


async def rendered(one: MailTemplate, name: str = "Ada") -> Rendered:
    made = await Renderer().render(one, {"name": name})
    assert isinstance(made, Rendered), made
    return made


async def test_values_are_text_in_html_and_as_they_are_in_text() -> None:
    made = await rendered(template(html=PAGE), '<b title="x">Ada & Eve</b>')

    assert made.html is not None
    assert "&lt;b title=&#34;x&#34;&gt;Ada &amp; Eve&lt;/b&gt;" in made.html.replace('"', "&#34;")
    assert made.text == 'Hi <b title="x">Ada & Eve</b>\n'


async def test_styles_stand_on_the_elements_and_dark_ones_stay_in_the_sheet() -> None:
    made = await rendered(template(html=PAGE))

    assert made.html is not None
    assert '<p style="color: red;">' in made.html
    assert "@media (prefers-color-scheme:dark)" in made.html


async def test_styles_on_many_elements_are_no_way_around_the_bounds() -> None:
    style = "".join(f"p{{--a{n}:{n:0>100}}}" for n in range(100))
    html = f"<style>{style}</style>{{% for n in range(500) %}}<p>{{{{ name }}}}</p>{{% endfor %}}"

    made = await Renderer().render(template(html=html), {"name": "Ada"})

    assert isinstance(made, NotRendered)
    assert "allowed" in made.why


async def test_a_subject_is_one_line_whatever_the_values() -> None:
    made = await rendered(template(), "Ada\r\nBcc: eve@example.com\u2028x\x00\u202e")

    assert made.subject == "Hi Ada Bcc: eve@example.com x"


async def test_a_value_adds_no_element_to_mjml() -> None:
    (ready,) = check([template(html=MJML, mjml=True)])
    assert ready.problems == ()

    made = await rendered(ready.template, "</mj-text><mj-button href='x'>")

    assert made.html is not None
    assert "&lt;/mj-text&gt;" in made.html
    assert "fonts.googleapis" not in made.html


HOSTILE = {
    "memory at once": "{{ 'a' * 10000000000 }}",
    "memory by width": "{{ '%9999999999d' | format(1) }}",
    "time": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "a number": "{{ 9999999 ** 9999999 }}",
    "more than a mail": "{% for i in range(99999) %}{{ i }} lines {% endfor %}",
    "the classes of Python": "{{ name.__class__.__mro__ }}",
    "attributes by name": "{{ name | attr('__class__') }}",
    "other files": "{% include '/etc/passwd' %}",
    "what is unknown": "{{ nobody }}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_what_a_template_may_not_do_ends_it_alone(text: str) -> None:
    made = await Renderer(cpu_s_max=1, deadline_s=60).render(template(text=text), {"name": "Ada"})

    assert isinstance(made, NotRendered)
    assert not made.passing


async def test_who_waits_too_long_for_others_may_come_again() -> None:
    renderer = Renderer(deadline_s=0.05)
    await renderer.room.acquire_on_behalf_of("one")
    await renderer.room.acquire_on_behalf_of("other")

    made = await renderer.render(template(), {"name": "Ada"})

    assert made == NotRendered("too many others are being rendered", passing=True)


async def test_cancelling_ends_the_process() -> None:
    endless = template(text=HOSTILE["time"])
    with trio.move_on_after(0.2) as scope:
        await Renderer(cpu_s_max=30, deadline_s=60).render(endless, {"name": "Ada"})

    assert scope.cancelled_caught


def test_all_that_is_wrong_is_told_with_its_place() -> None:
    wrong = template(subject="{{ subject }}", text="a\n{% if %}", html="<p>{{ nane }}</p>")
    others = template(text="a\n{% include 'b' %}", html="{% extends 'c' %}")

    found, uses = check([wrong, others])

    assert uses.problems == (
        ("text", "line 2: a template cannot use another one"),
        ("html", "line 1: a template cannot use another one"),
    )

    assert found.problems == (
        ("subject", "subject is not among the template's variables"),
        ("text", "line 2: Expected an expression, got 'end of statement block'"),
        ("html", "nane is not among the template's variables"),
    )


def test_a_template_is_tried_with_its_examples() -> None:
    (found,) = check([template(text="{{ name.first }}")])

    assert found.problems == (
        ("text", "with its examples and defaults: line 1: 'str object' has no attribute 'first'"),
    )


@pytest.mark.parametrize("html", ["<mjml><mj-body>", "<p>x</p>", MJML.replace("mj-text", "mj-txt")])
def test_what_is_no_mjml_is_told(html: str) -> None:
    (found,) = check([template(html=html, mjml=True)])

    ((piece, why),) = found.problems
    assert piece == "html"
    assert "MJML" in why


def test_of_several_the_one_that_never_ends_is_named() -> None:
    endless = template(name="endless", text=HOSTILE["time"])

    good, bad = check([template(), endless], deadline_s=2)

    assert good.problems == ()
    assert bad.problems == (("", BOUNDS_MET),)
