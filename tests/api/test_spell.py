"""Whatever the model can hold can be told: each content is spelled with its type in an answer."""

import json

import pytest
from attrs import frozen

from omni_actors.api.spell import json_bytes
from omni_actors.api.views import ExchangeView
from omni_actors.model.content import Content, FormResponse, content_type
from omni_actors.model.json import Json
from tests.store.test_codec import CONTENTS

VALUES: Json = {"email": "ada@example.org", "sizes": [1, 2.5, None, {"deep": True}]}


@frozen
class Said:
    """An answer that holds a content."""

    content: Content


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: type(content).__name__)
def test_a_content_is_spelled_with_its_type(content: Content) -> None:
    spelled = json.loads(json_bytes(Said(content)))

    assert spelled["content"]["type"] == content_type(content)


def test_a_form_comes_back_as_it_was_filled_in() -> None:
    spelled = json.loads(json_bytes(Said(FormResponse("flow", VALUES))))

    assert spelled["content"] == {"type": "form_response", "name": "flow", "values": VALUES}


def test_an_exchange_shows_the_documents_that_were_exchanged() -> None:
    exchange = ExchangeView("POST", "https://graph", None, 1.5, 200, VALUES, [VALUES], None)

    spelled = json.loads(json_bytes(exchange))

    assert (spelled["request"], spelled["reply"]) == (VALUES, [VALUES])
