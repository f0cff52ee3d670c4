"""The house's own templates of mails: found, held against their variables, and rendered.

A message is rendered before it is queued, so that each attempt sends the same bytes whatever
becomes of the files, and a mistake is told to whoever made it.
"""

from collections.abc import Callable, Mapping

from attrs import frozen

from omni_actors.gateway.errors import Code, Mistake, RequestError
from omni_actors.mail_templates.rendering import NotRendered, Rendered, Renderer
from omni_actors.model.content import Email
from omni_actors.model.content import Template as TemplateContent
from omni_actors.model.json import Json, JsonObject
from omni_actors.model.mail_templates import MailTemplate
from omni_actors.model.templates import (
    Layout,
    TemplateDefinition,
    TemplateStatus,
    TextSlot,
)
from omni_actors.policy import mail_templates as policy

BODY = "body"
BUSY_S = 5.0


@frozen
class MailTemplateBook:
    """What this house knows of its templates of mails, and does with them."""

    templates: Callable[[], tuple[MailTemplate, ...]]
    renderer: Renderer

    def find(
        self, name: str, language: str | None, at: str, code: Code = Code.TEMPLATE_UNUSABLE
    ) -> MailTemplate:
        """A template. Raises RequestError with a pointer below `at`."""
        found = policy.find(name, language, self.templates())
        if isinstance(found, policy.Unknown):
            wrong = Mistake(f"{at}/language" if found.by_language else f"{at}/name", found.sentence)
            raise RequestError(code, found.sentence, mistakes=(wrong,))
        return found

    async def written(self, content: TemplateContent, at: str) -> Email:
        """The mail that a message becomes. Raises RequestError with pointers below `at`."""
        template = self.find(content.name, content.language, at)
        given = values_of(content.params, f"{at}/params")
        made = await self.rendered(template, given, f"{at}/params/{BODY}")
        return Email(made.subject, made.text, made.html)

    async def rendered(
        self, template: MailTemplate, given: JsonObject, at: str, *, examples: bool = False
    ) -> Rendered:
        """A template with these values; with `examples` they stand for what was not given."""
        known = shown_with(template, given) if examples else given
        if wrong := policy.wrong(template, known):
            raise RequestError(
                Code.TEMPLATE_PARAMS,
                f"the variables do not fit the mail template {template.name}",
                mistakes=tuple([Mistake(f"{at}/{escaped(w.name)}", w.why) for w in wrong]),
            )
        made = await self.renderer.render(template, policy.filled(template, known))
        if isinstance(made, NotRendered) and made.passing:
            sentence = f"the mail template {template.name} could not be rendered now: {made.why}"
            raise RequestError(Code.OVERLOADED, sentence, retry_after_s=BUSY_S)
        if isinstance(made, NotRendered):
            sentence = f"the mail template {template.name} cannot be rendered so: {made.why}"
            raise RequestError(Code.TEMPLATE_UNUSABLE, sentence, mistakes=(Mistake(at, made.why),))
        return made

    def definitions(self) -> tuple[TemplateDefinition, ...]:
        """All of them as a channel has templates."""
        return tuple(map(definition, self.all()))

    def all(self) -> list[MailTemplate]:
        """All of them, by name and language."""
        return sorted(self.templates(), key=lambda each: f"{each.name}/{each.language}")

    async def preview(
        self, name: str, language: str | None, given: JsonObject, *, examples: bool
    ) -> tuple[MailTemplate, Rendered]:
        """A template as a message would be sent, with where it comes from. Raises RequestError."""
        template = self.find(name, language, "", Code.NOT_FOUND)
        return template, await self.rendered(template, given, "/variables", examples=examples)


def shown_with(template: MailTemplate, given: JsonObject) -> dict[str, Json]:
    """The values of a preview: those that were given, and examples for the others."""
    filled = policy.filled(template, given, examples=True)
    return {**given, **{name: value for name, value in filled.items() if value is not None}}


def values_of(params: JsonObject, at: str) -> JsonObject:
    """The values among the parameters of a message. Raises RequestError."""
    mistakes = [
        Mistake(f"{at}/{escaped(name)}", "mails have no such component; variables stand in body")
        for name in params
        if name != BODY
    ]
    given = params.get(BODY, {})
    if not isinstance(given, Mapping):
        mistakes.append(
            Mistake(f"{at}/{BODY}", "must be an object: values by the variables' names")
        )
    if mistakes or not isinstance(given, Mapping):
        sentence = "the parameters do not fit a mail template"
        raise RequestError(Code.TEMPLATE_PARAMS, sentence, mistakes=tuple(mistakes))
    return given


def escaped(name: str) -> str:
    """A name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def definition(template: MailTemplate) -> TemplateDefinition:
    """A template of ours in the words that those of platforms are listed in."""
    names = tuple([each.name for each in template.variables])
    return TemplateDefinition(
        name=template.name,
        language=template.language,
        status=TemplateStatus.APPROVED,
        components=(
            {"type": "SUBJECT", "text": template.subject},
            {"type": "BODY", "text": template.text},
        ),
        layout=Layout(body=TextSlot(template.text, names, named=True)),
    )
