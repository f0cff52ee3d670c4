"""Moves the control of a conversation between the apps of a business.

https://developers.facebook.com/docs/messenger-platform/handover-protocol
"""

from typing import Any, Final

from omni_actors.adapters.contract import ControlDesk, Person
from omni_actors.adapters.meta.errors import answer
from omni_actors.adapters.meta.sending import Account, recipient
from omni_actors.wire.calls import Flow, HttpCall, http


def _take(person: Person, told: str | None, account: Account) -> Flow[None]:
    """Only the default app of the account may: anybody else is refused."""
    yield from _move("take_thread_control", person, account, metadata=told)


def _release(person: Person, account: Account) -> Flow[None]:
    """The conversation is idle from now on: the default app has it, if there is one."""
    yield from _move("release_thread_control", person, account)


def _give(person: Person, app_id: str, told: str | None, account: Account) -> Flow[None]:
    yield from _move("pass_thread_control", person, account, target_app_id=app_id, metadata=told)


def _request(person: Person, told: str | None, account: Account) -> Flow[None]:
    """The app that has the conversation is told, and passes it on, or does not."""
    yield from _move("request_thread_control", person, account, metadata=told)


def _move(call: str, person: Person, account: Account, **more: str | None) -> Flow[None]:
    given = {name: value for name, value in more.items() if value is not None}
    body = {"recipient": recipient(person), **given}
    url = account.url(account.account_id, call)
    reply = yield from http(HttpCall("POST", url, account.auth, json=body, idempotent=True))
    answer(reply, repeatable=True)


CONTROL: Final[ControlDesk[Any]] = ControlDesk(
    take=_take, release=_release, give=_give, request=_request
)
