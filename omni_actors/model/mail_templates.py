"""Templates of mails: the house's own, kept as files, and what they ask of a sender."""

from enum import StrEnum

from attrs import frozen

from omni_actors.model.json import Json


class VariableType(StrEnum):
    """What a value must be. A `url` is a text that begins with http:// or https://."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    URL = "url"
    LIST = "list"
    OBJECT = "object"


@frozen
class Variable:
    """A value that a template shows.

    What is not `required` and has no default is none (`{% if %}` is false then). `example` is shown
    in previews.
    """

    name: str
    type: VariableType
    required: bool
    default: Json = None
    example: Json = None
    description: str | None = None


@frozen
class MailTemplate:
    """A template in one language. `subject`, `text` and `html` are Jinja; `html` is None for a mail
    that is text only. `folder` is where its files are."""

    name: str
    language: str
    folder: str
    subject: str
    text: str
    html: str | None = None
    mjml: bool = False  # the HTML was made of MJML, which has its styles in place
    variables: tuple[Variable, ...] = ()
    description: str | None = None
