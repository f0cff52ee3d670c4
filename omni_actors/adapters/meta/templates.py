"""Templates in messages: products that a customer shares, and what an echo repeats.

https://developers.facebook.com/docs/messenger-platform/reference/templates/generic
"""

from omni_actors.adapters.meta.said import Said, is_web
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.model.content import Action, Card, Carousel, UnsupportedContent
from omni_actors.model.json import Json, JsonObject


def read_template(payload: JsonObject) -> Said:
    """A template as a card, or as a carousel where it has several.

    Pictures lie anywhere in the web, so they stay addresses, in the notes.
    """
    products = sequence(mapping(payload.get("product")).get("elements"))
    elements = [mapping(each) for each in products or sequence(payload.get("elements"))]
    words = text(payload.get("text"))
    kind = text(payload.get("template_type")) or ("product" if products else "template")
    notes: JsonObject = {"type": kind, "elements": list(elements)} if elements else {"type": kind}
    if len(elements) > 1:
        return Said(Carousel(tuple([_card(each) for each in elements]), words), notes=notes)
    if elements:
        return Said(_card(elements[0]), notes=notes)
    if words is not None:
        return Said(Card("", text=words, actions=_actions(payload.get("buttons"))), notes=notes)
    return Said(UnsupportedContent(kind, "a template of which nothing can be shown"), notes=notes)


def _card(element: JsonObject) -> Card:
    title, subtitle = text(element.get("title")) or "", text(element.get("subtitle"))
    return Card(title, subtitle, actions=_actions(element.get("buttons")))


def _actions(buttons: Json) -> tuple[Action, ...]:
    return tuple([_action(each) for each in map(mapping, sequence(buttons))])


def _action(button: JsonObject) -> Action:
    url, payload = text(button.get("url")), text(button.get("payload"))
    return Action(text(button.get("title")) or "", url if url and is_web(url) else None, payload)
