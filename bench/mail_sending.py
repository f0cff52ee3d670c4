"""How many mails a second are handed over to a local Postfix, beside the standard library.

Each mail is written to Postfix's queue, as it does for every mail, and then thrown away. The sides
take turns, and a side's best round is kept: whatever else the machine does can only add to it.
"""

import smtplib
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Final

import trio
from attrs import evolve

from bench.report import Row, Yardstick, rate_at_least
from omni_actors.net.account import Account
from omni_actors.net.smtp import MailHands, open_mail_hands
from omni_actors.net.trace import Trace
from omni_actors.wire.calls import MailCall, MailServer, Stage, Tls
from omni_actors.wire.compose import composed
from omni_actors.wire.mail import Mail
from tests.net.kit import identity
from tests.support.postfix import DISCARDED, Postfix, postfix, why_not

PER_S_MIN: Final = 150.0
ROUNDS: Final = 3
CONNECTIONS: Final = 3
SENDER: Final = "support@example.test"
NAME: Final = "mails handed over to a local Postfix"
BODY: Final = "Your order has left the house, and should be with you tomorrow.\n" * 20
ACCOUNT: Final = Account("mail", "")
NOBODY: Final = 9  # the port of a service that is never asked here


def run(*, quick: bool = False) -> list[Row]:
    """Hand mails over in three ways."""
    if (why := why_not()) is not None:
        return [Row(NAME, 0.0, "/s", target=f">= {PER_S_MIN:g}", met=False, void=why)]
    mails, rounds = (12, 1) if quick else (600, ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        identity(Path(folder))
        with postfix(Path(folder) / "identity.pem", NOBODY, None) as server:
            return measured(server, mails, rounds)


def measured(server: Postfix, mails: int, rounds: int) -> list[Row]:
    """The rows: each way's best rate."""
    sides: dict[str, Callable[[Postfix, int], float]] = {
        f"{NAME}, {CONNECTIONS} kept connections": partial(ours, connections=CONNECTIONS),
        f"{NAME}, one kept connection": partial(ours, connections=1),
        f"{NAME} by smtplib, one kept connection": by_smtplib,
        f"{NAME} by smtplib, a connection for each": partial(by_smtplib, kept=False),
    }
    yardstick = Yardstick()
    yardstick.look(2)
    rates = dict.fromkeys(sides, 0.0)
    for _ in range(rounds):
        for name, send in sides.items():
            rates[name] = max(rates[name], mails / send(server, mails))
        yardstick.look()
    (best, rate), *others = rates.items()
    base = rates[f"{NAME} by smtplib, one kept connection"]
    against = "smtplib, kept"
    return [
        yardstick.row(),
        rate_at_least(
            best,
            rate,
            there=rate * yardstick.slowness,
            least=PER_S_MIN,
            ratio=rate / base,
            against=against,
            void=yardstick.void,
        ),
        *[Row(name, each, "/s", ratio=each / base, against=against) for name, each in others],
        Row("mails composed", composing(200 if mails < 100 else 5000), "/s"),
    ]


def letter(number: int) -> Mail:
    """An ordinary mail, each another."""
    return Mail(
        headers=(
            ("From", f"Support <{SENDER}>"),
            ("To", f"u{number}@{DISCARDED}"),
            ("Subject", "Größe und Farbe"),
            ("Date", "Thu, 26 Nov 2026 10:00:00 +0000"),
            ("Message-ID", f"<c.{number}@example.test>"),
        ),
        text=BODY,
        seed=str(number),
        html=f"<p>{BODY}</p>",
    )


def ours(server: Postfix, mails: int, *, connections: int) -> float:
    """Seconds for so many mails through our hands."""
    return trio.run(_handed_over, server, mails, connections)


async def _handed_over(server: Postfix, mails: int, connections: int) -> float:
    where = MailServer("127.0.0.1", server.plain, "", Tls.PLAIN)
    call = MailCall(where, SENDER, (), letter(0))
    numbers = iter(range(mails))

    async def send(hands: MailHands) -> None:
        for number in numbers:
            mail, to = letter(number), f"u{number}@{DISCARDED}"
            reply = await hands.make(evolve(call, recipients=(to,), mail=mail), ACCOUNT, Trace())
            assert (reply.stage, reply.reply.code) == (Stage.END, 250), reply

    began = time.perf_counter()
    async with open_mail_hands(
        open_source=_no_source, now=trio.current_time, connections_per_channel=connections
    ) as hands:
        async with trio.open_nursery() as nursery:
            for _ in range(connections):
                nursery.start_soon(send, hands)
        return time.perf_counter() - began


def _no_source(_blob: str, _size: int, /) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
    raise FileNotFoundError


def by_smtplib(server: Postfix, mails: int, *, kept: bool = True) -> float:
    """Seconds for so many mails through the standard library, composed by us beforehand."""
    pieces = [composed(letter(number)).pieces for number in range(mails)]
    raws = [each[0] for each in pieces if isinstance(each[0], bytes)]
    began = time.perf_counter()
    client = smtplib.SMTP("127.0.0.1", server.plain)
    for number, raw in enumerate(raws):
        client.sendmail(SENDER, [f"u{number}@{DISCARDED}"], raw)
        if not kept and number < mails - 1:
            client.quit()
            client = smtplib.SMTP("127.0.0.1", server.plain)
    client.quit()
    return time.perf_counter() - began


def composing(mails: int) -> float:
    """Mails composed in a second."""
    began = time.perf_counter()
    for number in range(mails):
        composed(letter(number))
    return mails / (time.perf_counter() - began)
