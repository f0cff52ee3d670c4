"""Flattening: rich content as lines that a person can read and answer, packed into pieces."""

from collections.abc import Iterator, Sequence

from omni_actors.model.content import (
    Action,
    Card,
    ContactCard,
    Contacts,
    Coupon,
    Email,
    FeedbackRequest,
    Location,
    Option,
    Organisation,
    Postal,
    Receipt,
    ReceiptItem,
)
from omni_actors.policy.marks import marks_of
from omni_actors.policy.splitting import Split, Unit, length, split


def packed(blocks: Sequence[str], limit: int | None, unit: Unit) -> Split:
    """Blocks put below each other in as few pieces as fit.

    A block that fits into a piece stays whole; only a longer one is cut.
    """
    whole = "\n".join(blocks)
    if limit is None or length(whole, unit) <= limit:
        return Split((whole,))
    pieces: list[str] = []
    broken = 0
    held = ""
    for block in blocks:
        joined = f"{held}\n{block}" if held else block
        if length(joined, unit) <= limit:
            held = joined
            continue
        cut = split(block, limit, unit)
        pieces += [held.rstrip(), *cut.pieces[:-1]]
        broken += cut.graphemes_broken
        held = "".join(cut.pieces[-1:])  # a cut leaves nothing of mere whitespace
    return Split(tuple([piece for piece in (*pieces, held) if piece]), broken)


def question(text: str, options: Sequence[Option]) -> list[str]:
    """A question, and below it its options with their marks and headings, a block each."""
    lines: list[str] = []
    section: str | None = None
    for mark, option in zip(marks_of(options), options, strict=True):
        line = f"{mark}. {described(option)}"
        if option.section != section:
            section = option.section
            line = f"\n{section}\n{line}" if lines and section else f"{section or ''}\n{line}"
        lines.append(line)
    return [text.rstrip() + "\n", *lines]


def described(option: Option) -> str:
    """An option's title with what describes it."""
    return f"{option.title} – {option.description}" if option.description else option.title


def location(place: Location) -> str:
    """A place by name, address and a link that any map opens."""
    at = f"?mlat={place.latitude:.7f}&mlon={place.longitude:.7f}"
    link = place.url or f"https://www.openstreetmap.org/{at}"
    return "\n".join(filter(None, [place.name, place.address, link]))


def email(mail: Email) -> list[str]:
    """A mail's subject and text."""
    return [mail.subject.strip() + "\n", mail.text]


def contacts(cards: Contacts) -> list[str]:
    """Contact cards, a block each."""
    *ahead, last = [contact(card) for card in cards.contacts]
    return [*[card + "\n" for card in ahead], last]


def contact(card: ContactCard) -> str:
    """One contact card as lines of text, nothing of it left out."""
    lines = [card.formatted_name]
    lines += [worded(phone.phone, phone.type) for phone in card.phones]
    lines += [worded(address.email, address.type) for address in card.emails]
    lines += [worded(web.url, web.type) for web in card.urls]
    lines += [worded(postal(address), address.type) for address in card.addresses]
    lines += [organisation(card.org)] if card.org else []
    lines += [card.birthday] if card.birthday else []
    return "\n".join(filter(None, lines))


def worded(value: str, kind: str | None) -> str:
    """A value of a contact card with its kind, such as work or home."""
    return f"{value} ({kind.lower()})" if kind and value else value


def postal(address: Postal) -> str:
    """A postal address on one line."""
    city = " ".join(filter(None, [address.zip, address.city]))
    country = address.country or address.country_code
    return ", ".join(filter(None, [address.street, city, address.state, country]))


def organisation(work: Organisation) -> str:
    """Where somebody works, on one line."""
    return ", ".join(filter(None, [work.title, work.department, work.company]))


def money(amount: float, currency: str) -> str:
    """An amount with its currency."""
    return f"{amount:.2f} {currency}"


def receipt(shown: Receipt) -> list[str]:
    """A receipt as blocks, a line for each thing."""
    head = [shown.merchant, f"{shown.number}, {shown.recipient}"]
    items = [receipt_item(item, shown.currency) for item in shown.items]
    sums = [(each.name, -abs(each.amount)) for each in shown.adjustments]
    named = [("Subtotal", shown.subtotal), ("Shipping", shown.shipping), ("Tax", shown.tax)]
    sums += [(name, amount) for name, amount in named if amount is not None]
    lines = [f"{name}: {money(a, shown.currency)}" for name, a in (*sums, ("Total", shown.total))]
    address = postal(shown.address) if shown.address else None
    return [
        *filter(None, head),
        *items,
        *lines,
        *filter(None, [shown.paid_with, address, shown.url]),
    ]


def receipt_item(item: ReceiptItem, currency: str) -> str:
    """One line of a receipt."""
    count = "" if item.quantity is None else f"{item.quantity:g} × "
    told = f" – {item.text}" if item.text else ""
    return f"{count}{item.title}{told}: {money(item.price, currency)}"


def feedback(asked: FeedbackRequest) -> list[str]:
    """A question about how content somebody is, as blocks."""
    return [*filter(None, [asked.title, asked.text]), asked.question]


def coupon(shown: Coupon) -> list[str]:
    """A voucher as blocks, with its code on a line of its own, to be copied."""
    told = [shown.text, shown.title, shown.subtitle, shown.code]
    page = f"{shown.button}: {shown.url}" if shown.button and shown.url else shown.url
    return [*filter(None, told), *filter(None, [page])]


def card(shown: Card, marks: Iterator[str]) -> list[str]:
    """A card as blocks: links in full, each answer with the next of `marks`."""
    told = [shown.title, shown.text, shown.media.caption if shown.media else None]
    buttons = [action(each, marks) for each in shown.actions]
    return [*filter(None, told), *buttons, *filter(None, [shown.url, shown.footer])]


def action(shown: Action, marks: Iterator[str]) -> str:
    """What a button of a card does, as a line."""
    return f"{next(marks)}. {link(shown)}" if shown.id else link(shown)


def link(shown: Action) -> str:
    """Where a button leads besides answering: to a page or a number."""
    target = shown.url or shown.login or shown.phone
    return f"{shown.title}: {target}" if target else shown.title
