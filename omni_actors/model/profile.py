"""What a channel says of itself before anybody writes, and who speaks for it there."""

from typing import Literal

from attrs import frozen


@frozen
class Localized:
    """A text in one language; `locale` is `default` for all others, or such as `pt_PT`."""

    text: str
    locale: str = "default"


@frozen
class Starter:
    """A question that people can tap instead of writing; `id` comes back as the answer."""

    question: str
    id: str


@frozen
class Starters:
    """The questions in one language."""

    questions: tuple[Starter, ...]
    locale: str = "default"


@frozen
class MenuItem:
    """A line of the menu: opens `url`, or answers with `id`."""

    title: str
    url: str | None = None
    id: str | None = None
    size: Literal["compact", "tall", "full"] | None = None


@frozen
class Menu:
    """The menu in one language. With `only` people can tap but not write."""

    items: tuple[MenuItem, ...]
    locale: str = "default"
    only: bool = False


@frozen
class Command:
    """A word that people can write behind a slash, with what it does."""

    name: str
    description: str


@frozen
class Commands:
    """The commands in one language."""

    commands: tuple[Command, ...]
    locale: str = "default"


@frozen
class Profile:
    """What a channel says of itself. A piece that is None is not there, or is left as it is.

    `get_started` is what the first tap of somebody new answers with. `domains` are the
    sites whose pages may open within the chat, `login_url` the page on which accounts are linked.
    """

    get_started: str | None = None
    greeting: tuple[Localized, ...] | None = None
    starters: tuple[Starters, ...] | None = None
    menu: tuple[Menu, ...] | None = None
    commands: tuple[Commands, ...] | None = None
    domains: tuple[str, ...] | None = None
    login_url: str | None = None


PIECES = ("get_started", "greeting", "starters", "menu", "commands", "domains", "login_url")


@frozen
class NewPersona:
    """A face to speak with: a name, and a picture by its URL."""

    name: str
    picture_url: str


@frozen
class Persona:
    """A face that the channel has; `id` is the platform's."""

    id: str
    name: str
    picture_url: str | None = None
