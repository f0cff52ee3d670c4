"""The calls that send a part over Messenger or Instagram, and those that say something at once.

https://developers.facebook.com/docs/messenger-platform/reference/send-api
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from attrs import evolve, frozen

from omni_actors.adapters.contract import Forbidden, Medium, PartToSend, Person, Sent
from omni_actors.adapters.meta.error_table import NO_COMMENTS, NO_HUMAN_AGENT, NO_UTILITY
from omni_actors.adapters.meta.errors import answer, refuse
from omni_actors.adapters.meta.people import COMMENT, IGSID, POST, PSID, RECIPIENTS
from omni_actors.adapters.meta.spelling import TYPES, Spelled, message
from omni_actors.adapters.meta.upload import attachment_type
from omni_actors.adapters.reading import text
from omni_actors.model.content import Card, Carousel, Content, Media, Reaction
from omni_actors.model.failure import Failure, Kind, Reason, Scope, SendFailure
from omni_actors.model.reports import IdentityKey
from omni_actors.wire.calls import Auth, Flow, HttpCall, HttpReply, Upload, http

Body = dict[str, Any]

# Whom a message goes to and how we know it again is never for the caller to say.
PROTECTED: Final = ("recipient",)
HUMAN_AGENT: Final = "HUMAN_AGENT"
REMOVED_TAGS: Final = (
    "CONFIRMED_EVENT_UPDATE",
    "ACCOUNT_UPDATE",
    "POST_PURCHASE_UPDATE",
    "CUSTOMER_FEEDBACK",
)
UTILITY: Final = "UTILITY"
AS_A_HUMANS: Final[Body] = {"messaging_type": "MESSAGE_TAG", "tag": HUMAN_AGENT}
NOT_THERE_OR_CLOSED: Final = "1545041"


class Account(Protocol):
    """What the settings of both platforms have."""

    @property
    def account_id(self) -> str: ...

    @property
    def auth(self) -> Auth: ...

    def url(self, *path: str) -> str: ...


@frozen
class Dialect:
    """How the two platforms differ in the body of a call.

    `kind` is that of a person's id. `typed`: a message says what type of message it is. `callback`:
    it carries our id of it. `sizes`: a page that a button opens may take a part of the screen. With
    `quotes` False a message cannot say what it answers.
    """

    kind: str
    typed: bool
    callback: bool
    sizes: bool
    quotes: bool = True


def send(part: PartToSend, account: Account, dialect: Dialect) -> Flow[Sent]:
    """Send a part whose media are uploaded. Raises SendFailure."""
    to = recipient(part.to)
    if isinstance(part.content, Reaction):
        return (yield from _react(part, part.content, to, account))
    content = part.content if dialect.sizes else sizeless(part.content)
    body: Body = {
        "recipient": to,
        **_type(part, to, dialect),
        "message": message(part.form, content, Spelled(part.media)),
        **_reply(part, to, dialect),
    }
    body = overridden(body, part)
    if dialect.callback:
        body["message"] = {**body["message"], "metadata": part.part_id}
    check_tag(body, part)
    reply = yield from http(_call(body, part, account))
    try:
        return _sent(reply, body, part, dialect)
    except SendFailure as refused:
        tagged = _as_a_humans(body, part, refused.failure)
        if tagged is None:
            raise
    reply = yield from http(_call(tagged, part, account))
    return _sent(reply, tagged, part, dialect)


def _as_a_humans(body: Body, part: PartToSend, refused: Failure) -> Body | None:
    """The body with the tag for a person's words, where the platform has found a window closed
    that we took for open: nothing went out then."""
    plain = "tag" not in body and body.get("messaging_type") != UTILITY
    if not part.human or not plain or refused.reason is not Reason.OUTSIDE_WINDOW:
        return None
    return {**body, **AS_A_HUMANS} if "id" in body["recipient"] else None


def sizeless(content: Content) -> Content:
    """Content whose buttons open pages as large as the app shows them."""
    match content:
        case Card():
            return _sizeless(content)
        case Carousel():
            return evolve(content, cards=tuple([_sizeless(card) for card in content.cards]))
        case _:
            return content


def _sizeless(card: Card) -> Card:
    return evolve(card, actions=tuple([evolve(action, size=None) for action in card.actions]))


def recipient(person: Sequence[IdentityKey]) -> Body:
    """The `recipient` that stands for a person, by the best name. Raises SendFailure.

    Whoever wrote a comment is known by it until they have been written to.
    """
    named = {key.kind: key.value for key in reversed(person)}
    for kind in (PSID, IGSID):
        if kind in named:
            return {"id": named[kind]}
    for kind, spelled in RECIPIENTS.items():
        if kind in named:
            return {spelled: named[kind]}
    raise refuse(Reason.NO_IDENTITY, "no id of the person on this page or account is known")


def _type(part: PartToSend, to: Body, dialect: Dialect) -> Body:
    """What type of message it is. Past the window only a person's own words go.

    https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages
    """
    if part.form == "utility":
        return {"messaging_type": UTILITY}
    if part.late and part.human and "id" in to:
        return dict(AS_A_HUMANS)
    if not dialect.typed:
        return {}
    asked = "id" in to or COMMENT in to or POST in to
    return {"messaging_type": "RESPONSE" if asked else "UPDATE"}


def _reply(part: PartToSend, to: Body, dialect: Dialect) -> Body:
    quotes = dialect.quotes and part.reply_to is not None and "id" in to
    return {"reply_to": {"mid": part.reply_to}} if quotes else {}


def overridden(body: Body, part: PartToSend) -> Body:
    """The body with the caller's own keys laid over it."""
    allowed = {key: value for key, value in part.override.items() if key not in PROTECTED}
    return merged(body, allowed)


def merged(body: Mapping[str, Any], override: Mapping[str, Any]) -> Body:
    """`body` with `override` laid over it, objects key by key, anything else as a whole; null takes
    a key away."""
    result = dict(body)
    for key, value in override.items():
        ours = result.get(key)
        if isinstance(ours, Mapping) and isinstance(value, Mapping):
            value = merged(ours, value)
        result[key] = value
    return {key: value for key, value in result.items() if override.get(key, value) is not None}


def check_tag(body: Body, part: PartToSend) -> None:
    """Raise SendFailure for a tag that the platform refuses, or that would be a lie."""
    forbidden = forbids(body, human=part.human)
    if forbidden is not None:
        raise refuse(Reason.POLICY_REJECTED, forbidden.why)


def forbids(told: Mapping[str, Any], *, human: bool) -> Forbidden | None:
    """Why a tag must not be sent: the platform has removed it, or no person wrote the message."""
    tag = told.get("tag")
    if tag in REMOVED_TAGS:
        why = f"the platform has removed the message tag {tag}; only {HUMAN_AGENT} is left"
        return Forbidden("/tag", why)
    if tag == HUMAN_AGENT and not human:
        why = f"{HUMAN_AGENT} is for what a person has written; say author.type = human"
        return Forbidden("/tag", why)
    return None


def _call(body: Body, part: PartToSend, account: Account) -> HttpCall:
    """The call; bytes that the platform knows as another kind of medium go along with it."""
    url = account.url(account.account_id, "messages")
    medium = _sent_along(part)
    if medium is None:
        return HttpCall("POST", url, account.auth, json=body)
    body["message"]["attachment"]["payload"] = {}
    form = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in body.items()
    }
    upload = Upload("filedata", medium.blob, medium.filename or "file", medium.mime, medium.size)
    return HttpCall("POST", url, account.auth, form=form, upload=upload, deadline_s=150.0)


def _sent_along(part: PartToSend) -> Medium | None:
    """The medium of a part that asks for a file where its upload was a picture, say."""
    content = part.content
    medium = part.media.get(content.media_id or "") if isinstance(content, Media) else None
    if medium is None or part.form not in TYPES:
        return None
    return medium if TYPES[part.form] != attachment_type(medium) else None


def _react(part: PartToSend, content: Reaction, to: Body, account: Account) -> Flow[Sent]:
    """Reacting again replaces, and taking back what is not there does nothing."""
    if part.reply_to is None:
        raise refuse(Reason.BAD_REQUEST, "a reaction must name the message that it is on")
    payload = {"message_id": part.reply_to}
    if content.emoji:
        payload["reaction"] = content.emoji
    body = {
        "recipient": to,
        "sender_action": "react" if content.emoji else "unreact",
        "payload": payload,
    }
    yield from act(body, account)
    return Sent(())


def tell(action: str, person: Person, account: Account) -> Flow[None]:
    """Show a person that somebody types, or has read what they wrote. Raises SendFailure.

    https://developers.facebook.com/docs/messenger-platform/send-messages/sender-actions
    """
    yield from act({"recipient": recipient(person), "sender_action": action}, account)


def act(body: Body, account: Account) -> Flow[None]:
    """Make a call that may be made again."""
    url = account.url(account.account_id, "messages")
    reply = yield from http(HttpCall("POST", url, account.auth, json=body, idempotent=True))
    answer(reply, repeatable=True)


def _sent(reply: HttpReply, body: Body, part: PartToSend, dialect: Dialect) -> Sent:
    """What the platform accepted. An answer without an id may still be of a message that went."""
    to = body["recipient"]
    try:
        document = answer(reply, repeatable=False)
    except SendFailure as refused:
        raise SendFailure(_judged(refused.failure, body, part)) from None
    external_id = text(document.get("message_id"))
    if external_id is None:
        why = "the answer is good, but names no message"
        raise SendFailure(Failure(Kind.UNKNOWN, Reason.UNKNOWN, code=str(reply.status), text=why))
    notes = [f"override ignored: {key}" for key in PROTECTED if key in part.override]
    if not dialect.sizes and sizeless(part.content) != part.content:
        notes.append("pages open as large as the app shows them: there is no `size` here")
    if part.reply_to is not None and "id" in to and not dialect.quotes:
        notes.append("sent without saying what it answers: this login has no way to")
    known = text(document.get("recipient_id"))
    return Sent((external_id,), _aliases(known, part, dialect), "; ".join(notes) or None)


def _judged(failure: Failure, body: Body, part: PartToSend) -> Failure:
    """What a refusal means for a call of this kind.

    One code means two things: where the window is closed, it is that. And what lacks a permission
    of its own kind of sends stops no others.
    """
    if part.late and (failure.code or "").endswith(NOT_THERE_OR_CLOSED):
        return evolve(failure, reason=Reason.OUTSIDE_WINDOW)
    if failure.reason is not Reason.PERMISSION_DENIED or failure.kind is not Kind.BROKEN:
        return failure
    if body.get("tag") == HUMAN_AGENT:
        return _only_this(failure, NO_HUMAN_AGENT, Reason.OUTSIDE_WINDOW)
    if body.get("messaging_type") == UTILITY:
        return _only_this(failure, NO_UTILITY)
    if COMMENT in body["recipient"] or POST in body["recipient"]:
        return _only_this(failure, NO_COMMENTS)
    return failure


def _only_this(failure: Failure, advice: str, reason: Reason = Reason.PERMISSION_DENIED) -> Failure:
    return evolve(failure, kind=Kind.REJECTED, reason=reason, scope=Scope.PART, advice=advice)


def _aliases(known: str | None, part: PartToSend, dialect: Dialect) -> tuple[IdentityKey, ...]:
    """The id of a person that was written to by another name."""
    if known is None or dialect.kind in {key.kind for key in part.to}:
        return ()
    return (IdentityKey(dialect.kind, known, part.to[0].scope),)
