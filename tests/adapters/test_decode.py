"""Decoding of a hook's body: what is forgiven, what is refused, and that nothing else happens."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_actors.adapters.contract import Undecodable
from omni_actors.adapters.decode import DEPTH_MAX, decode

FORGIVEN = {
    "a byte order mark": (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    "bytes that are not UTF-8": (b'["caf\xe9"]', ["caf\ufffd"]),
    "an escaped emoji": (b'["\\ud83d\\ude00"]', ["\U0001f600"]),
    "a lone surrogate in a text": (b'["\\ud83d!"]', ["\ufffd!"]),
    "a lone surrogate in a key": (b'{"\\udc00":1}', {"\ufffd": 1}),
    "an escaped NUL": (b'["a\\u0000b\xc3\xa9"]', ["abé"]),
    "a NUL among ASCII": (b'["a\\u0000b"]', ["ab"]),
    "a raw control character": (b'["a\x01\nb"]', ["a\x01\nb"]),
    "NaN and infinities": (b"[NaN, Infinity, -Infinity]", [None, None, None]),
    "a float that overflows": (b"[1e999, 1.5]", [None, 1.5]),
    "a float with very many digits": (b"[1." + b"0" * 500 + b"]", [None]),
    "an integer of 64 bits": (b"[9223372036854775807]", [2**63 - 1]),
    "an integer beyond 64 bits": (b"[9223372036854775808, -99999999999999999999]", [None, None]),
    "an integer with very many digits": (b"[" + b"9" * 5000 + b"]", [None]),
    "no object at all": (b"null", None),
}


@pytest.mark.parametrize(("raw", "document"), FORGIVEN.values(), ids=FORGIVEN.keys())
def test_what_platforms_really_send_is_forgiven(raw: bytes, document: object) -> None:
    assert decode(raw) == document


REFUSED = {
    "an empty body": (b"", "not JSON at character 0"),
    "a form": (b"hub.mode=subscribe", "not JSON"),
    "half a document": (b'{"object":"what', "not JSON at character"),
    "two documents": (b"{}{}", "not JSON at character 2"),
    "a tower of brackets": (b"[" * 200_000, "nested too deeply"),
    "a tower of objects": (b'{"a":' * 200_000, "nested too deeply"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("raw", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_a_document_is_refused_in_a_sentence(raw: bytes, why: str) -> None:
    with pytest.raises(Undecodable, match=why):
        decode(raw)


def test_the_deepest_document_allowed_is_decoded() -> None:
    assert decode(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX) is not None


@pytest.mark.parametrize("levels", [DEPTH_MAX, 3_000, 30_000])
@pytest.mark.parametrize("tower", [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_what_is_nested_too_deeply_does_not_cost_its_neighbours(
    levels: int, tower: tuple[bytes, bytes]
) -> None:
    deep = tower[0] * levels + b'"]}"' + tower[1] * levels

    decoded = decode(b'{"deep": %s, "text": "[[[{\\"", "after": [1]}' % deep)

    assert isinstance(decoded, dict)
    assert (decoded["text"], decoded["after"]) == ('[[[{"', [1])


def test_the_first_level_too_many_is_left_out() -> None:
    inner = decode(b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1))

    for _ in range(DEPTH_MAX):
        assert isinstance(inner, list)
        inner = inner[0]
    assert inner is None


def test_a_refusal_does_not_repeat_the_body() -> None:
    with pytest.raises(Undecodable) as refused:
        decode(b'{"text": "a secret of the customer')

    assert "secret" not in str(refused.value)


@pytest.mark.slow
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda written: written.encode()))
def test_any_bytes_are_decoded_or_refused(raw: bytes) -> None:
    try:
        document = decode(raw)
    except Undecodable:
        return
    json.dumps(document, allow_nan=False).encode()


ODD = st.sampled_from(
    ["a", "\0", "\\u0000", "\\ud83d", "\\uDE00", "\\\\ud83d", "\\u00e9", "é", "\\n", "{", "["]
)


@pytest.mark.slow
@given(st.lists(ODD, max_size=8), st.integers(1, DEPTH_MAX + 4))
def test_no_text_keeps_what_no_store_can_keep(pieces: list[str], depth: int) -> None:
    text = "".join(pieces)
    raw = ('[{"' + text + '": ' + "[" * depth + '"' + text + '"' + "]" * depth + "}]").encode()

    found = json.dumps(decode(raw), ensure_ascii=False)

    found.encode()
    assert "\\u0000" not in found.replace("\\\\", "")
    assert found.count("[") - 2 * text.count("[") <= DEPTH_MAX


SANE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@pytest.mark.slow
@given(SANE, st.booleans())
def test_a_sane_document_comes_back_unchanged(document: object, escaped: bool) -> None:
    assert decode(json.dumps(document, ensure_ascii=escaped).encode()) == document
