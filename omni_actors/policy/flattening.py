"""Flattening: rich content as text that a person can read and answer."""

from collections.abc import Sequence

from omni_actors.model.content import Card, ContactCard, Contacts, Location, Option


def numbered(question: str, options: Sequence[Option], first: int = 1) -> str:
    """A question with its options numbered, one a line."""
    lines = [f"{n}. {described(option)}" for n, option in enumerate(options, start=first)]
    return "\n".join([question.rstrip(), "", *lines])


def described(option: Option) -> str:
    """An option's title with what describes it."""
    return f"{option.title} – {option.description}" if option.description else option.title


def location(place: Location) -> str:
    """A place by name, address and a link that any map opens."""
    link = (
        place.url or f"https://www.openstreetmap.org/?mlat={place.latitude}&mlon={place.longitude}"
    )
    return "\n".join(filter(None, [place.name, place.address, link]))


def contacts(cards: Contacts) -> str:
    """Contact cards as lines of text."""
    return "\n\n".join([contact(card) for card in cards.contacts])


def contact(card: ContactCard) -> str:
    """One contact card as lines of text."""
    lines = [card.formatted_name]
    lines += [phone.phone for phone in card.phones]
    lines += [address.email for address in card.emails]
    lines += [web.url for web in card.urls]
    return "\n".join(lines)


def card(shown: Card, first: int) -> str:
    """A card as text: links in full, answers numbered from `first`."""
    lines = [shown.title, *filter(None, [shown.text])]
    lines += [f"{action.title}: {action.url}" for action in shown.actions if action.url]
    answers = [action.title for action in shown.actions if action.id]
    lines += [f"{n}. {title}" for n, title in enumerate(answers, start=first)]
    return "\n".join(lines)
