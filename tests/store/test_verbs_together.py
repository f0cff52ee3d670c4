"""Verbs of one batch do together what they do one after the other."""

import random
from pathlib import Path
from typing import Any

import pytest

from omni_actors.model.content import Text
from omni_actors.model.reports import Deleted, Edited, IdentityKey, Reacted, StatusReported
from omni_actors.model.states import PartStatus
from omni_actors.store.contract import Refused
from omni_actors.store.queries import ContactList, Conversations, Messages, Unhandled
from omni_actors.store.verbs import (
    Accept,
    Claim,
    Idempotency,
    Intake,
    Item,
    Settle,
    SyncChannels,
    TakenUp,
)
from tests.store.conftest import ADA, CHANNELS, RANKS, Desk, Opened, received

KEYS = [
    (IdentityKey("bsuid", f"GB.{n % 3}"), IdentityKey("phone", f"44{n % 4}")) for n in range(12)
]


def reports(chance: random.Random, part_ids: list[str]) -> list[Item]:
    """Items in which people, messages, parts and even events come again and again."""
    items = []
    for n in range(30):
        keys = chance.choice(KEYS)
        who = keys[: chance.choice([1, 2])] if chance.random() < 0.7 else keys[1:]
        target = f"wamid.{chance.randrange(10)}"
        channel_key = chance.choice(["770", "771"])
        at = 1_000.0 + n
        status = chance.choice(list(RANKS))
        part = chance.choice(part_ids)
        rank = 0
        report: Any
        match chance.randrange(5):
            case 0 | 1:
                report = received(target, Text(str(n)), who=who, at=at, channel_key=channel_key)
            case 2:
                report = Edited(channel_key, f"edit:{n}", at, who, target, Text(f"edited {n}"))
            case 3:
                kind = chance.choice([Deleted, Reacted])
                more = ("👍",) if kind is Reacted else ()
                report = kind(channel_key, f"change:{n}", at, who, target, *more)
            case _:
                callback = chance.choice([part, None])
                report = StatusReported(
                    "770", f"s:{n % 20}", at, (), f"wamid.{part}", PartStatus(status), callback
                )
                rank = RANKS[status]
        items.append(Item("whatsapp", report, rank=rank))
    return items


async def prepared(desk: Desk) -> list[Any]:
    """Some parts, of which some are on the wire, and their claims."""
    await desk.do(SyncChannels(CHANNELS, 1.0))
    for n in range(4):
        leg_id = await desk.leg(who=KEYS[n])
        await desk.submit(leg_id)
    return [*await desk.claim(*desk.heads())]


def facts(desk: Desk) -> list[Any]:
    """All that can be seen, without what depends on the order in which ids are drawn."""
    contacts = desk.ask(ContactList("*", limit=100)).rows
    seen: list[Any] = [sorted([str(i.keys) for c in contacts for i in c.identities])]
    for conversation in desk.ask(Conversations("*", limit=100)).rows:
        entries = desk.ask(Unhandled(conversation.id, 100)).entries
        messages = desk.ask(Messages("*", conversation.id, limit=100)).rows
        seen.append(
            (
                sorted([(leg.channel_id, leg.last_external_id or "") for leg in conversation.legs]),
                [(e.seq, e.kind, e.content if e.kind != "reacted" else None) for e in entries],
                sorted([(m.received_at, str(m.content), m.status, m.deleted) for m in messages]),
            )
        )
    told = [(e.type, e.at, e.channel_id, e.detail.get("target")) for e in desk.events()]
    return [*seen, told, sorted(desk.heads())]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
async def test_a_batch_does_what_its_verbs_do_alone(
    open_engine: Opened, tmp_path: Path, seed: int
) -> None:
    outcomes = []
    for together in (True, False):
        path = tmp_path / str(together)
        path.mkdir()
        async with open_engine(path) as store:
            desk = Desk(store)
            claims = await prepared(desk)
            chance = random.Random(seed)
            verbs: list[Any] = [
                Accept(Intake(f"itk_x{n:03d}", "meta", 2_000.0, 0, body=b""), (one,))
                for n, one in enumerate(reports(chance, [c.part_id for c in claims]))
            ]
            for claim in claims[:2]:
                outcome = TakenUp((f"wamid.{claim.part_id}",))
                verb = Settle(claim.part_id, claim.attempt_id, 1_500.0, outcome)
                verbs.insert(chance.randrange(len(verbs)), verb)
            if together:
                tickets = [store.post(verb) for verb in verbs]
                for ticket in tickets:
                    await ticket.wait()
            else:
                for verb in verbs:
                    await store.do(verb)
            outcomes.append(facts(desk))

    assert outcomes[0] == outcomes[1]


async def test_submits_and_claims_of_one_batch_see_each_other(desk: Desk) -> None:
    leg_id = await desk.leg(who=ADA)
    keys = [Idempotency("k", str(n % 2), str(n // 3)) for n in range(4)]
    tickets = [desk.store.post(desk.message(leg_id, idempotency=key)) for key in keys]

    answers: list[Any] = []
    for ticket in tickets:
        try:
            answers.append(await ticket.wait())
        except Refused as refused:
            answers.append(refused.code)

    first, second, third, fourth = answers
    assert (first.replayed, second.replayed, third.replayed) == (False, False, True)
    assert third.message_id == first.message_id
    assert fourth == "idempotency_mismatch"
    parts = [desk.find(m.message_id).parts[0].id for m in (first, second)]
    claims = [desk.store.post(Claim((part_id,), 1_001.0)) for part_id in parts]
    assert [len(await claim.wait()) for claim in claims] == [1, 0]
