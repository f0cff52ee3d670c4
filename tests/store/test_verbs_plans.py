"""No statement of the hot path walks through a whole table."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache

import apsw
import pytest

from omni_actors.store import handlers
from omni_actors.store.sqlite.migrate import shipped
from omni_actors.store.sqlite.statements import translate

STATEMENT = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b")
GROWING = {
    "attempt", "conversation", "copy", "early_change", "edit_intake", "entry", "event", "external",
    "idempotency", "identity", "identity_key", "leg", "mail", "message", "parked", "part",
    "question", "remark", "seen", "spent", "template", "timer",
}  # fmt: skip
# Oldest first, at most so many rows; a listing in pages by its key; a test for any row at all.
BOUNDED = {"SEEN", "OLD_EVENTS", "INTAKES", "OF_ALL", "SOME_OF_ALL", "ANY_EARLY", "ANY_PARKED"}
# A page of what somebody may see, walked along the index of just that.
LISTINGS = {
    "conversations.PAGE_OF_ALL": "PRIMARY KEY (id>?)",
    "conversations.PAGE_OF_CHANNEL": "leg_of_channel (channel_id=? AND conversation_id>?)",
    "conversations.PAGE_OF_CONTACT": "(contact_id=?)",
    "conversations.PAGE_OF_TENANT": "conversation_of_tenant (tenant=? AND id>?)",
    "dead_letters.PAGE_OF_ALL": "PRIMARY KEY (id>?)",
    "dead_letters.PAGE_OF_CHANNEL": "dead_letter_of_channel (channel_id=? AND id>?)",
    "dead_letters.PAGE_OF_TENANT": "dead_letter_of_tenant (tenant=? AND id>?)",
    "dead_letters.PAGE_OF_TENANT_OPEN": "dead_letter_open (tenant=? AND id>?)",
    "messages.CONTACTS_OF_ALL": "PRIMARY KEY (id>?)",
    "messages.CONTACTS_OF_TENANT": "contact_of_tenant (tenant=? AND id>?)",
    "outreach.ANYBODY": "part_outreach (channel_id=?)",
    "outreach.LINE": "part_outreach (channel_id=?)",
    "messages.OF_CONVERSATION": "message_of_conversation (conversation_id=? AND id>?)",
    "templates.PAGE": "PRIMARY KEY (channel_id=? AND (name,language)>(?,?))",
}
PIECES = {"COLUMNS", "MESSAGE", "LEG", "CONVERSATION", "CONTACT"}


def statements() -> Iterator[tuple[str, str]]:
    for module in pkgutil.iter_modules(handlers.__path__):
        named = vars(importlib.import_module(f"{handlers.__name__}.{module.name}"))
        for name, text in named.items():
            whole = name.isupper() and name not in PIECES
            if whole and isinstance(text, str) and STATEMENT.match(text):
                yield f"{module.name}.{name}", text


@pytest.mark.parametrize(("name", "sql"), [pytest.param(*one, id=one[0]) for one in statements()])
def test_a_statement_finds_its_rows_by_an_index(name: str, sql: str) -> None:
    plan = plan_of(sql)

    tables = alias_to_table(sql)
    scans = [step.split() for step in plan if step.startswith("SCAN ")]
    # A partial index holds the few rows that a walk along it is meant for.
    walked = {tables.get(step[1], step[1]) for step in scans if "part_" not in step[-1]}
    assert name.split(".")[1] in BOUNDED or not walked & GROWING, plan


@pytest.mark.parametrize(("name", "index"), LISTINGS.items())
def test_a_listing_walks_along_what_was_asked_for(name: str, index: str) -> None:
    plan = plan_of(dict(statements())[name])

    assert sum(index in step for step in plan) == 1, plan
    assert not any("TEMP B-TREE" in step for step in plan), plan


def plan_of(sql: str) -> list[str]:
    """The steps of SQLite for a statement, on an empty database."""
    statement = translate(sql)
    named: dict[str, object] = dict.fromkeys(re.findall(r":(\w+)", sql), 1)
    for batch in statement.batches:
        named[batch.name] = [("x",) * len(batch.columns)] * 16

    text, bound = statement.bind(named)
    return [row[3] for row in empty().execute("EXPLAIN QUERY PLAN " + text, bound)]


@cache
def empty() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for step in shipped():
        connection.execute(step.sql)
    return connection


def alias_to_table(sql: str) -> dict[str, str]:
    """Which table an alias of a statement stands for."""
    return {alias: table for table, alias in re.findall(r"\b(?:FROM|JOIN)\s+(\w+)\s+(\w+)\b", sql)}
