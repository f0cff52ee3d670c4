"""The Graph edges of templates: the listing of an account, and a template by its id.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/templates
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from omni_actors.sandbox.contract import Outcome
from omni_actors.sandbox.http import json_answer
from omni_actors.sandbox.whatsapp.samples import Samples
from omni_actors.sandbox.whatsapp.templates import Kept, TemplateShelf, with_fields

DONE = {"success": True}


@frozen
class TemplateEdges:
    """What a caller may do with the templates of one account at one moment."""

    shelf: TemplateShelf
    samples: Samples
    now: float

    def of_account(
        self, method: str, path: str, query: Mapping[str, str], document: dict[str, Any]
    ) -> Outcome:
        """`/{waba_id}/message_templates`. Raises GraphError."""
        match method:
            case "POST":
                self.samples.check(document.get("components"))
                one = self.shelf.create(document, self.now)
                made = {"id": one.id, "status": one.status, "category": one.category}
                return Outcome(json_answer(200, made))
            case "DELETE":
                self.shelf.delete(query, self.now)
                return Outcome(json_answer(200, DONE))
            case _:
                return Outcome(json_answer(200, self.shelf.page(query, path)))

    def of_one(
        self, one: Kept, method: str, query: Mapping[str, str], document: dict[str, Any]
    ) -> Outcome:
        """`/{template_id}`. Raises GraphError."""
        if method == "POST":
            self.samples.check(document.get("components"))
            self.shelf.edit(one, document, self.now)
            return Outcome(json_answer(200, DONE))
        return Outcome(json_answer(200, with_fields(one.document(), query)))
