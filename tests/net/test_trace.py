"""What an operator sees of a document: its shape, and nothing that is content or secret."""

from typing import Any

import pytest

from omni_actors.net.trace import BODY_CHARS_MAX, DEPTH_MAX, Trace

MASKED = {
    "an open value stays": ({"to": "49151"}, {"to": "49151"}),
    "a named text shows its length": ({"body": "hello"}, {"body": "(5 characters)"}),
    "a named number is hidden": ({"body": 42}, {"body": "(masked)"}),
    "a named object keeps its shape": (
        {"body": {"a": "xy", "b": [{"c": "z"}, 1]}},
        {"body": {"a": "(2 characters)", "b": [{"c": "(1 characters)"}, "(masked)"]}},
    ),
    "a name deep inside counts": ([{"a": {"body": "hello"}}], [{"a": {"body": "(5 characters)"}}]),
    "a secret needs no name": (
        {"access_token": "EAA", "Client_Secret": "s", "token_type": None},
        {"access_token": "***", "Client_Secret": "***", "token_type": None},
    ),
    "a long text is cut": ({"a": "x" * 3000}, {"a": "x" * BODY_CHARS_MAX}),
    "what is no JSON is named": ({"a": b"bytes"}, {"a": "(bytes)"}),
}


@pytest.mark.parametrize(("document", "shown"), MASKED.values(), ids=MASKED.keys())
def test_in_a_trace(document: Any, shown: Any) -> None:
    trace = Trace(frozenset({"body"}))

    assert trace.masked(document) == shown


@pytest.mark.parametrize("key", ["open", "body"])
def test_a_bottomless_document_is_cut(key: str) -> None:
    document: Any = "end"
    for _ in range(5 * DEPTH_MAX):
        document = {key: [document]}

    shown = str(Trace(frozenset({"body"})).masked(document))

    assert "…" in shown
    assert "end" not in shown
