"""The page about the API tells the truth: its examples work in order, and its bot is one."""

import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.api.test_page import PAGE, REQUESTS, TO
from tests.e2e.kit import PATIENCE_S, Setup, Site, patiently
from tests.sandbox.test_page import SANDBOX_URL, examples, request_of

ADA = "447700900123"
INSTAGRAMS = "post"  # the one content that this channel has no form for
SCOPES = re.findall(r"[a-z]+:[a-z]+", PAGE.split("--scopes ", 1)[1].partition("\n")[0])
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ID = re.compile(r"\b(cnv|msg|med)_01jd2v7q8y3m4n5p6r7s8t9v0w\b")


@pytest.fixture
def setup() -> Setup:
    """The reader of the page is the bot. The templates of the sandbox are known."""
    return Setup(bot="none")


class Reader:
    """Somebody who goes through the page, and knows what the answers have told so far."""

    def __init__(self, site: Site, key: str) -> None:
        self.site = site
        self.known = {"KEY": key, "OPERATOR": site.operator_key}

    async def ask(self, client: httpx.AsyncClient, arguments: list[str]) -> httpx.Response:
        """Do what one curl of the page does, once what it needs has come."""
        for _ in range(100):
            request = request_of([self.filled(word) for word in arguments])
            answer = await client.request(**request)
            if "types=" not in request["url"] or answer.json()["items"]:
                break
            await trio.sleep(0.1)
        self.learn(answer)
        return answer

    def filled(self, word: str) -> str:
        """One word of a command, with the variables of the page filled in."""
        word = word.replace("$GATEWAY", self.site.program.url)
        word = word.replace(SANDBOX_URL, self.site.sandbox.url)
        return re.sub(r"\$([A-Z]+)", lambda found: self.known[found[1]], word)

    def learn(self, answer: httpx.Response) -> None:
        """What the page tells its reader to keep."""
        if "json" not in answer.headers.get("content-type", "") or answer.is_error:
            return
        told = answer.json()
        if answer.status_code == 202:
            self.known["SENT"] = told["id"]
        if answer.request.url.path == "/v1/media":
            self.known["MEDIUM"] = told["id"]
        if answer.request.url.path == "/v1/events":
            self.known.setdefault("CURSOR", told["cursor"])
            for event in told["items"][:1]:
                self.known.setdefault("CONVERSATION", event["conversation_id"])
                self.known.setdefault("MESSAGE", event["message_id"])


async def test_the_examples_work_in_the_order_in_which_they_stand(site: Site) -> None:
    reader = Reader(site, await site.make_key(*SCOPES))
    commands = list(examples(PAGE))

    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        answers = [await reader.ask(client, command) for command in commands]

    refused = [(str(answer.request.url), answer.text) for answer in answers if answer.is_error]
    assert refused == []
    assert len(answers) >= 20
    [picked] = await site.events("choice.selected")
    assert picked["detail"]["option_id"] == "tue"
    cancelled = [answer for answer in answers if answer.request.url.path.endswith(":cancel")]
    assert [answer.json()["status"] for answer in cancelled] == ["cancelled"]


async def test_what_the_page_says_can_be_sent_is_taken_and_arrives(site: Site) -> None:
    await site.writes(ADA, "hello")
    [heard] = await patiently(lambda: site.events("message.received"))
    png = {"content": b"\x89PNG\r\n\x1a\n" + bytes(64), "headers": {"Content-Type": "image/png"}}
    medium = (await site.call("POST", "/v1/media", **png)).json()
    here = {"cnv": heard["conversation_id"], "msg": heard["message_id"], "med": medium["id"]}

    asked = [request(one, here) for one in REQUESTS if one.get("type") != INSTAGRAMS]
    answers = [await site.call("POST", "/v1/messages", json=body) for body in asked]

    assert [answer.text for answer in answers if answer.status_code != 202] == []
    paths = [answer.headers["location"] for answer in answers]
    messages = await patiently(lambda: all_sent(site, paths))
    assert [message for message in messages if message["status"] == "failed"] == []


async def all_sent(site: Site, paths: list[str]) -> list[dict[str, Any]]:
    """These messages, once none of them waits any more."""
    messages = [await site.get(path) for path in paths]
    waits = [message for message in messages if message["status"] in ("queued", "unknown", "held")]
    return [] if waits else messages


def request(example: dict[str, Any], here: dict[str, str]) -> Any:
    """An example as a request, about the things that there are here."""
    asked = example if "content" in example else {"to": TO, "content": example}
    return filled(asked, here)


def filled(value: Any, here: dict[str, str]) -> Any:
    """A document with the ids of the page replaced."""
    match value:
        case dict():
            return {name: filled(member, here) for name, member in value.items()}
        case list():
            return [filled(item, here) for item in value]
        case str():
            return ID.sub(lambda found: here[found[1]], value)
        case _:
            return value


async def test_the_bot_of_the_page_answers_once_whenever_it_is_killed(
    site: Site, tmp_path: Path
) -> None:
    bot = Bot(tmp_path, site, await site.make_key(*SCOPES))
    async with trio.open_nursery() as nursery:
        await bot.start(nursery)
        await site.writes(ADA, "hello")
        assert await site.until(lambda: len(bot.shown()) == 1)
        early = bot.cursor.read_text()
        await bot.kill()
        await site.writes(ADA, "green")
        await bot.start(nursery)
        assert await site.until(lambda: len(bot.shown()) == 2)
        await bot.kill()
        bot.cursor.write_text(early)
        await bot.start(nursery)
        await site.writes("447700900124", "hello")
        assert await site.until(lambda: len(bot.shown("447700900124")) == 1)
        await bot.kill()

    assert [request["type"] for request in bot.shown()] == ["interactive", "text"]
    assert bot.shown()[1]["text"]["body"] == "Green it is."
    conversation = await site.conversation_of(ADA)
    context = await site.get(f"/v1/conversations/{conversation}/context")
    assert context["value"] == {"tea": "green"}


class Bot:
    """The first program on the page, as somebody runs it."""

    def __init__(self, folder: Path, site: Site, key: str) -> None:
        self.site = site
        self.key = key
        self.folder = folder
        self.cursor = folder / "bot.cursor"
        self.program = folder / "bot.py"
        self.program.write_text(PROGRAM.findall(PAGE)[0], "utf-8")
        self.process: trio.Process | None = None

    async def start(self, nursery: trio.Nursery) -> None:
        """Run it, and wait until it knows where it stands."""
        environment = os.environ | {"OMNI_URL": self.site.program.url, "OMNI_KEY": self.key}
        arguments = [sys.executable, str(self.program)]
        run = partial(trio.run_process, arguments, cwd=self.folder, env=environment, check=False)
        self.process = await nursery.start(run)
        await patiently(self.stands)

    async def stands(self) -> bool:
        """Whether it has a cursor."""
        return self.cursor.exists()

    async def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    def shown(self, address: str = ADA) -> list[Any]:
        """What the bot has sent to a customer."""
        outbox = self.site.sandbox.platforms["whatsapp"].outboxes["770011223344556"]
        return [each.request for each in outbox.after(0) if each.to == address]
