"""Accepting or refusing one send, and what becomes of it.

Source: developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages
"""

import re
from collections.abc import Mapping
from typing import Any

from attrs import define, frozen

from omni_actors.sandbox.contract import Outcome
from omni_actors.sandbox.faults import Fault
from omni_actors.sandbox.forms import FormPart
from omni_actors.sandbox.graph import GraphError
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.http import json_answer
from omni_actors.sandbox.meta import webhooks
from omni_actors.sandbox.meta.bodies import MEDIA_KINDS
from omni_actors.sandbox.meta.calls import check_scope
from omni_actors.sandbox.meta.channel import Channel, Comment, Message, Person, Ticket
from omni_actors.sandbox.meta.errors import refusal
from omni_actors.sandbox.meta.fetching import File, check_file, media_in
from omni_actors.sandbox.meta.media import Attachment, Shelf
from omni_actors.sandbox.meta.settings import InstagramAccount, MessengerAccount
from omni_actors.sandbox.meta.tokens import Token
from omni_actors.sandbox.shapes import ShapeError

PRIVATE_REPLY_S = 7 * 86_400.0
COOLDOWN_S = 86_400.0
OWNED_S = 86_400.0
_VARIABLE = re.compile(r"\{\{(\d+)\}\}")


@frozen
class Reach:
    """Who a send is for, and by which right it goes outside of the window."""

    person: Person
    comment: Comment | None = None
    ticket: Ticket | None = None
    by_ref: bool = False


@define(eq=False)
class Send:
    """One send of one account."""

    channel: Channel
    token: Token
    shelf: Shelf
    document: dict[str, Any]
    file: FormPart | None
    files: Mapping[str, File]
    """What was found at the addresses in it."""

    def run(self, _fault: Fault | None) -> Outcome:
        """Judge it and let it through. Raises GraphError as the platform would."""
        uploaded = self._take_file()
        self._check_shape()
        if self.channel.standing.restricted:
            raise refusal(*self._restricted())
        if self.document.get("message") is None:
            return self._act()
        now = self.channel.stage.clock.now()
        reach = self._reach(now)
        self._check_floor(reach, now)
        self._check_window(reach, now)
        self._check_contents(reach)
        media = self._media(uploaded)
        self._check_rates(reach, media)
        return self._accepted(reach, media, now)

    # ------------------------------------------------------------ the body

    def _take_file(self) -> Attachment | None:
        """The bytes of a multipart send take the place of an address. Raises GraphError."""
        if self.file is None:
            return None
        message = self.document.get("message")
        if self.channel.rules.name != "messenger":
            raise refusal(100, details="Param filedata is not for Instagram")
        if not isinstance(message, dict) or not isinstance(message.get("attachment"), dict):
            raise refusal(100, details="Param filedata needs a message with an attachment")
        attachment = message["attachment"]
        kind, payload = attachment.get("type"), attachment.setdefault("payload", {})
        if kind not in MEDIA_KINDS or not isinstance(payload, dict):
            raise refusal(100, details="Param filedata goes with image, audio, video or file")
        if payload.keys() & {"url", "attachment_id"}:
            raise refusal(100, details="Param filedata takes the place of url and attachment_id")
        one = kept_file(self.channel, self.shelf, kind, self.file)
        payload["attachment_id"] = one.id
        return one

    def _check_shape(self) -> None:
        try:
            self.channel.rules.check_send(self.document)
        except ShapeError as error:
            raise refusal(*self.channel.rules.bad_message, error.details) from None

    def _restricted(self) -> tuple[int, int]:
        return (10, 1893063) if self.channel.rules.name == "messenger" else (100, 2534029)

    # ------------------------------------------------------------ sender actions

    def _act(self) -> Outcome:
        """Typing, seen, reactions: no message, and no echo."""
        channel, action = self.channel, self.document["sender_action"]
        now = channel.stage.clock.now()
        person = self._person(self.document["recipient"])
        self._check_floor(Reach(person), now)
        if not channel.takes("text"):
            raise refusal(*channel.rules.too_fast)
        answer = json_answer(200, {"recipient_id": person.id})
        if action == "mark_seen":
            channel.thread_of(person.id).unread = 0
        if action not in ("react", "unreact"):
            return Outcome(answer)
        mid = self.document["payload"]["message_id"]
        message = channel.messages.get(mid)
        if message is None or message.deleted or message.person_id != person.id:
            raise refusal(100, details=f"There is no message {mid[:40]} in this thread")
        message.reactions.pop(channel.key, None)
        if action == "react":
            emoji = self.document["payload"]["reaction"]
            message.reactions[channel.key] = "\u2764\ufe0f" if emoji == "love" else emoji
        channel.outbox.add(now, person.id, mid, self.document)
        return Outcome(answer, shown=True)

    # ------------------------------------------------------------ who

    def _person(self, recipient: Mapping[str, Any]) -> Person:
        channel = self.channel
        if recipient.get("phone_number") is not None:
            raise refusal(200, 2018021)
        person = channel.people.get(recipient.get("id") or recipient["user_ref"])
        if person is None:
            raise refusal(*channel.rules.nobody)
        return person

    def _reach(self, now: float) -> Reach:
        recipient = self.document["recipient"]
        for key in ("comment_id", "post_id"):
            if recipient.get(key) is not None:
                return self._private(key, recipient[key], now)
        for key in ("one_time_notif_token", "notification_messages_token"):
            if recipient.get(key) is not None:
                return self._by_ticket(recipient[key], now, once=key.startswith("one_time"))
        person = self._person(recipient)
        if not person.reachable:
            raise refusal(551, 1545041)
        return Reach(person, by_ref=recipient.get("user_ref") is not None)

    def _private(self, key: str, comment_id: str, now: float) -> Reach:
        """A private reply: one to a comment, within a week. Raises GraphError."""
        check_scope(self.channel, self.token, "comments")
        comment = self.channel.comments.get(comment_id)
        wanted = ("post",) if key == "post_id" else ("comment", "live")
        old = comment is not None and now > comment.at + PRIVATE_REPLY_S
        if comment is None or comment.kind not in wanted or old:
            raise refusal(100, 2534025)
        if comment.answered:
            raise refusal(10900)
        person = self.channel.people[comment.person_id]
        if not person.reachable or (comment.kind == "live" and not comment.broadcast):
            raise refusal(10903, 1893049)
        return Reach(person, comment=comment)

    def _by_ticket(self, token: str, now: float, *, once: bool) -> Reach:
        ticket = self.channel.tickets.get(token)
        if ticket is None or ticket.once is not once or ticket.until <= now:
            raise refusal(100, details="The notification token is invalid or has expired")
        if once and ticket.used_at > 0:
            raise refusal(100, details="The notification token was used already")
        if not once and now < ticket.used_at + COOLDOWN_S:
            raise refusal(4, 2018354)
        person = self.channel.people[ticket.person_id]
        if not person.reachable:
            raise refusal(551, 1545041)
        return Reach(person, ticket=ticket)

    # ------------------------------------------------------------ whether

    def _check_floor(self, reach: Reach, now: float) -> None:
        floor = self.channel.floor_of(reach.person.id, now)
        if floor is not None and floor != self.channel.account.app_id:
            raise refusal(*self.channel.rules.not_owner)

    def _check_window(self, reach: Reach, now: float) -> None:
        """Raises GraphError where nothing gives the right to write now."""
        if reach.comment is not None or reach.ticket is not None:
            return
        channel, person_id = self.channel, reach.person.id
        tag = self.document.get("tag")
        if tag == "HUMAN_AGENT":
            if not channel.standing.human_agent:
                raise refusal(10, details="The app does not have the Human Agent feature")
            if channel.in_agent_window(person_id, now) or not channel.stage.settings.windows:
                return
        if self.document.get("messaging_type") == "UTILITY":
            if "pages_utility_messaging" not in self.token.scopes:
                raise refusal(10, details="Requires pages_utility_messaging")
            return
        if channel.in_window(person_id, now):
            return
        news = tag == "NON_PROMOTIONAL_SUBSCRIPTION"
        raise refusal(*((10, 2018065) if news else channel.rules.outside_window))

    def _check_contents(self, reach: Reach) -> None:
        """What it names must exist. Raises GraphError."""
        channel, message = self.channel, self.document["message"]
        quoted = self.document.get("reply_to")
        if quoted is not None:
            target = channel.messages.get(quoted["mid"])
            if target is None or target.deleted or target.person_id != reach.person.id:
                raise self._bad("There is no message reply_to.mid in this thread")
        persona = self.document.get("persona_id")
        if persona is not None and persona not in channel.personas:
            raise self._bad("There is no persona of this id")
        if message.get("template") is not None:
            self._check_utility(message["template"])
        attachment = message.get("attachment") or {}
        if attachment.get("type") == "MEDIA_SHARE":
            posts = channel.account.posts if isinstance(channel.account, InstagramAccount) else ()
            if attachment["payload"]["id"] not in posts:
                raise self._bad("The post is not one of the account")
        if attachment.get("type") == "template":
            self._check_elements(attachment["payload"])

    def _check_elements(self, payload: Mapping[str, Any]) -> None:
        if payload["template_type"] != "media":
            return
        attachment_id = payload["elements"][0].get("attachment_id")
        if attachment_id is not None and self.shelf.mine(attachment_id, self.channel.key) is None:
            raise refusal(100, 2018074)

    def _check_utility(self, template: Mapping[str, Any]) -> None:
        account = self.channel.account
        approved = account.utility if isinstance(account, MessengerAccount) else ()
        wanted = (template["name"], template["language"]["code"])
        found = next((one for one in approved if (one.name, one.language) == wanted), None)
        if found is None:
            raise self._bad("There is no approved template of this name and language")
        given = [
            len(part.get("parameters") or ())
            for part in template.get("components") or ()
            if part["type"] == "body"
        ]
        if sum(given) != len(set(_VARIABLE.findall(found.body))):
            raise self._bad("The number of parameters is not the template's")

    def _bad(self, details: str) -> GraphError:
        return refusal(*self.channel.rules.bad_message, details)

    def _media(self, uploaded: Attachment | None) -> list[Attachment]:
        """Everything that is attached, fetched and judged. Raises GraphError."""
        found = [] if uploaded is None else [uploaded]
        for kind, payload in media_in(self.document["message"]):
            attachment_id = payload.get("attachment_id")
            if uploaded is not None and attachment_id == uploaded.id:
                continue
            if attachment_id is not None:
                one = self.shelf.mine(attachment_id, self.channel.key)
                if one is None or one.kind != kind:
                    raise refusal(100, 2018074)
            else:
                one = kept_link(self.channel, self.shelf, kind, payload["url"], self.files)
            found.append(one)
        return found

    def _check_rates(self, reach: Reach, media: list[Attachment]) -> None:
        channel = self.channel
        heavy = any(one.kind in ("audio", "video") for one in media)
        if not channel.takes("media" if heavy else "text"):
            raise refusal(*channel.rules.too_fast)
        if reach.comment is not None:
            live = reach.comment.kind == "live"
            if not channel.takes("live" if live else "private"):
                raise refusal(*channel.rules.too_fast)

    # ------------------------------------------------------------ done

    def _accepted(self, reach: Reach, media: list[Attachment], now: float) -> Outcome:
        channel, person_id = self.channel, reach.person.id
        if reach.comment is not None:
            reach.comment.answered = True
        if reach.ticket is not None:
            reach.ticket.used_at = now
        mid = channel.new_mid()
        body = self._body(mid, media, now)
        channel.add(Message(mid, now, person_id, False, body, self.document))
        self._pass_on(person_id, now)
        metadata = self.document["message"].get("metadata")
        channel.figures.accept(person_id, metadata)
        channel.outbox.add(now, person_id, mid, self.document)
        told: dict[str, Any] = {} if reach.by_ref else {"recipient_id": person_id}
        told["message_id"] = mid
        reusable = [p for _, p in media_in(self.document["message"]) if p.get("is_reusable")]
        if reusable and media:
            told["attachment_id"] = media[0].id
        return Outcome(json_answer(200, told), self._reports(reach, mid, body, now), shown=True)

    def _body(self, mid: str, media: list[Attachment], now: float) -> dict[str, Any]:
        """The message as webhooks show it, without its marks."""
        message = self.document["message"]
        body: dict[str, Any] = {"mid": mid}
        if message.get("text") is not None:
            body["text"] = message["text"]
        attached = [
            {"type": one.kind, "payload": {"url": self.shelf.link(one, now)}} for one in media
        ]
        attachment = message.get("attachment") or {}
        if attachment.get("type") not in (None, *MEDIA_KINDS):
            attached.append(attachment)
        if message.get("sticker_id") is not None:
            sticker = {"sticker_id": int(message["sticker_id"])}
            attached.append({"type": "sticker", "payload": sticker})
        if attached:
            body["attachments"] = attached
        if self.document.get("reply_to") is not None:
            target = self.channel.messages[self.document["reply_to"]["mid"]]
            own = not target.inbound
            body["reply_to"] = {"mid": target.mid, "is_self_reply": own}
        return body

    def _pass_on(self, person_id: str, now: float) -> None:
        control = self.document.get("thread_control")
        if control is None:
            return
        thread = self.channel.thread_of(person_id)
        thread.owner = control.get("app_id") if control["control_type"] == "pass" else None
        thread.owner_until = now + OWNED_S

    def _reports(self, reach: Reach, mid: str, body: dict[str, Any], now: float) -> list[Update]:
        channel, settings = self.channel, self.channel.stage.settings
        person, gap_s = reach.person, settings.status_gap_s
        reports = [webhooks.echo(channel, person.id, self._marked(body), now)]
        names = [name for name in settings.statuses if name in ("delivered", "read")]
        if channel.rules.reads_by_mid:
            names = [name for name in names if name == "read"]
        if not person.read_receipts:
            names = [name for name in names if name != "read"]
        if reach.by_ref:
            names = []
        for place, name in enumerate(names, start=1):
            after_s = place * gap_s
            tell = webhooks.delivery if name == "delivered" else webhooks.read
            reports.append(tell(channel, person.id, mid, now + after_s, after_s))
        return reports

    def _marked(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body of the echo: whose it is, and what the sender noted on it."""
        marked: dict[str, Any] = {"is_echo": True, **body}
        if self.channel.standing.echo_app_id:
            marked["app_id"] = int(self.channel.account.app_id)
        metadata = self.document["message"].get("metadata")
        if metadata is not None:
            marked["metadata"] = metadata
        return marked


def kept_file(channel: Channel, shelf: Shelf, kind: str, part: FormPart) -> Attachment:
    """An uploaded file, judged and kept. Raises GraphError."""
    mime_type = part.content_type or "application/octet-stream"
    file = File(mime_type, part.content, name=part.filename or "")
    check_file(channel.rules, kind, file)
    return shelf.put(channel.key, kind, mime_type, part.content, name=file.name)


def kept_link(
    channel: Channel, shelf: Shelf, kind: str, url: str, files: Mapping[str, File]
) -> Attachment:
    """What is at an address, judged and kept; believed off loopback. Raises GraphError."""
    file = files.get(url)
    if file is None:
        return shelf.put(channel.key, kind, "", None, url=url)
    check_file(channel.rules, kind, file)
    return shelf.put(channel.key, kind, file.mime_type, file.content, name=file.name, url=url)
