"""HTML of mails: what it says, and what of it is safe to show."""

from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_actors.adapters.email.html import safe, to_text
from omni_actors.adapters.email.markup import DEPTH_MAX, End, Start, events_in, nested


def cleaned(html: str, content_ids: Collection[str] = ()) -> str:
    events = events_in(html)
    assert events is not None
    return safe(events, content_ids)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>two <b>three</b></p>", "One\n\ntwo three"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a &amp; b&nbsp;c &lt;d&gt; &#8364; &#x20AC; &euro;", "a & b c <d> € € €"),
        ('<a href="https://x.example/y">here</a>', "here <https://x.example/y>"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a href="mailto:j@x.example">j@x.example</a>', "j@x.example"),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "- a\n- b\n  - c"),
        ("<ol start=3><li>a</li><li>b</li></ol>", "3. a\n4. b"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>c", "> a\n>\n>> b\n\nc"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<p>a</p><hr><p>b</p>", "a\n\n---\n\nb"),
        ('<img alt="Logo" src="x">', "Logo"),
        ("<style>p{}</style><script>x</script><title>t</title>a", "a"),
        ('<div style="display: NONE">a</div>b', "b"),
        ('<span style="color:red;font-size:0px">a</span>b', "b"),
        ("<!--[if mso]>a<![endif]--><![if !mso]>b<![endif]>", "b"),
        ("a < b > c", "a < b > c"),
        ("<p>cut <a href=", "cut <a href="),
        ("<style>never ends", "never ends"),
        ("<o:p>a</o:p>", "a"),
        ("a\u00ad\u200bb", "ab"),
        ("", ""),
    ],
)
def test_html_is_told_as_people_write(html: str, text: str) -> None:
    assert to_text(html) == text


@pytest.mark.slow
def test_nothing_is_lost_however_deep_it_is() -> None:
    assert to_text("<div>" * 5000 + "deep" + "</div>" * 5000 + "after").split() == ["deep", "after"]
    assert "deep" in to_text("<table><tr><td>" * 5000 + "deep")
    assert "deep" in cleaned("<blockquote>" * 5000 + "deep")


@pytest.mark.slow
def test_of_more_tags_than_can_be_gone_through_the_text_is_left() -> None:
    html = "<b>x</b> " * 40_000 + "end"

    assert to_text(html).endswith("x end")
    assert events_in(html) is None


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p onclick=x>a</p>", "<p>a</p>"),
        ("<script>alert(1)</script>a<iframe src=x>b</iframe>", "a"),
        ("<form action=x><input name=p><button>go</button></form>", "<div>go</div>"),
        ('<a href="javascript:x">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<img src="https://x/pixel.gif">a', "a"),
        ('<img src="https://x/logo.gif" alt="A <b> & c">', "A &lt;b&gt; &amp; c"),
        ('<img src="cid:here"> <img src="cid:gone">', '<img src="cid:here">'),
        ('<img src="CID:a%40b">', '<img src="cid:a@b">'),
        ('<a href="cid:here">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<p style="background:url(https://x/p)">a</p>', "<p>a</p>"),
        ('<p style="color:red;position:fixed">a</p>', '<p style="color:red">a</p>'),
        ("<b><i>a</b>b</i>", "<b><i>a</i></b>b"),
        ("<svg><script>x</script></svg><math><mi>x</math>a", "a"),
        ('<link rel=stylesheet href=x><meta http-equiv=refresh content="0;url=x">a', "a"),
        ("<base href=https://evil/>a", "a"),
    ],
)
def test_what_is_shown_does_nothing_and_loads_nothing(html: str, shown: str) -> None:
    assert cleaned(html, {"here", "a@b"}) == shown


TAGS = st.sampled_from(
    [
        *("div", "p", "b", "i", "a", "table", "tr", "td", "th", "tbody", "li", "ul", "ol", "dt"),
        *("dd", "dl", "h1", "h2", "span", "font", "br", "img", "pre", "blockquote", "script"),
        *("style", "form", "select", "svg", "template", "o:p", "caption", "body", "head"),
    ]
)
HTML = st.lists(
    st.one_of(
        TAGS.map("<{}>".format),
        TAGS.map("</{}>".format),
        st.text(max_size=8),
        st.sampled_from(["<a href='x", "<!--", "-->", "<!x", "&amp;", "<p style='display:none'>"]),
    ),
    max_size=60,
).map("".join)


@pytest.mark.slow
@given(HTML)
@settings(max_examples=200)
def test_tags_are_well_nested_whatever_they_were(html: str) -> None:
    open_: list[str] = []
    for event in nested(html):
        if isinstance(event, End):
            assert open_.pop() == event.name
        elif isinstance(event, Start) and event.name not in ("br", "hr", "img"):
            open_.append(event.name)
        assert len(open_) <= DEPTH_MAX + 2
    assert open_ == []


@pytest.mark.slow
@given(HTML)
@settings(max_examples=200)
def test_safe_html_stays_what_it_is(html: str) -> None:
    once = cleaned(html)

    assert "<script" not in once.lower()
    again = cleaned(once)
    assert cleaned(again) == again
