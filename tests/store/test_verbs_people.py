"""Whose a name is when platforms give it to somebody else: numbers change hands."""

from typing import Any

from omni_actors.model.events import EventType
from omni_actors.model.reports import IdentityChanged, IdentityKey
from omni_actors.store.queries import ContactById, ContactList, Conversations, Messages
from omni_actors.store.rows import Contact
from omni_actors.store.verbs import OpenLeg, TakenUp
from tests.store.conftest import ADA, Desk, item, received

BSUID, PHONE = ADA
NEWCOMER = (IdentityKey("bsuid", "GB.9"), PHONE)


def contacts(desk: Desk) -> tuple[Contact, ...]:
    rows: tuple[Contact, ...] = desk.ask(ContactList("default")).rows
    return rows


def conflicts(desk: Desk) -> list[Any]:
    changed = [e for e in desk.events() if e.type is EventType.IDENTITY_CHANGED]
    return [event.detail["conflict"] for event in changed]


async def test_who_writes_from_a_recycled_number_is_a_stranger(desk: Desk) -> None:
    await desk.receive("wamid.1", who=ADA, name="Ada")

    accepted = await desk.receive("wamid.2", who=NEWCOMER, name="Bob")

    ada, bob = contacts(desk)
    assert (ada.identities[0].keys, bob.identities[0].keys) == ((BSUID,), NEWCOMER)
    assert (ada.name, bob.name) == ("Ada", "Bob")
    assert accepted.conversations == (bob.conversation_id,)
    theirs = desk.ask(Messages("default", str(bob.conversation_id))).rows
    assert [message.external_id for message in theirs] == ["wamid.2"]


async def test_a_recycled_number_is_told_in_the_conversation_that_lost_it(desk: Desk) -> None:
    await desk.receive("wamid.1", who=ADA)

    await desk.receive("wamid.2", who=NEWCOMER)
    await desk.receive("wamid.3", who=NEWCOMER)

    ada, bob = contacts(desk)
    [event] = [e for e in desk.events() if e.type is EventType.IDENTITY_CHANGED]
    phone = {"kind": "phone", "value": PHONE.value, "scope": ""}
    assert event.conversation_id == ada.conversation_id
    assert event.detail["conflict"] == {
        "key": phone,
        "identity_id": bob.identities[0].id,
        "contact_id": bob.id,
    }
    assert (event.detail["old"], event.detail["now"]) == ([phone], [])


async def test_a_recycled_number_in_one_batch_is_a_stranger_too(desk: Desk) -> None:
    await desk.accept(item(received("wamid.1", who=ADA)), item(received("wamid.2", who=NEWCOMER)))

    assert [contact.identities[0].keys for contact in contacts(desk)] == [(BSUID,), NEWCOMER]


async def test_a_recycled_number_leads_to_its_new_owner(desk: Desk) -> None:
    await desk.receive("wamid.1", who=ADA)
    await desk.receive("wamid.2", who=NEWCOMER)

    leg = await desk.do(OpenLeg("default", "wa", (PHONE,), 1_010.0))

    assert leg.keys == NEWCOMER


async def test_another_id_of_a_kind_on_another_channel_is_the_same_person(desk: Desk) -> None:
    await desk.receive("wamid.1", who=ADA)

    await desk.receive("wamid.2", who=NEWCOMER, channel_key="771")

    [contact] = contacts(desk)
    assert set(contact.identities[0].keys) == {BSUID, *NEWCOMER}
    assert conflicts(desk) == []


async def test_a_status_does_not_give_a_person_the_names_of_a_stranger(desk: Desk) -> None:
    message = await desk.sent(await desk.leg(who=ADA), "wamid.OUT1")

    await desk.status("wamid.OUT1", "delivered", who=NEWCOMER)
    await desk.status("wamid.OUT1", "read", who=NEWCOMER)

    [contact] = contacts(desk)
    assert desk.find(message.id).status == "read"
    assert contact.identities[0].keys == ADA
    assert [conflict["key"]["value"] for conflict in conflicts(desk)] == ["GB.9"]


async def test_an_answer_may_name_a_number_as_the_platform_spells_it(desk: Desk) -> None:
    leg_id = await desk.leg(who=(PHONE,))
    await desk.submit(leg_id)
    [claimed] = await desk.claim(*desk.heads())
    respelt = IdentityKey("phone", "544771")

    await desk.settle(claimed, TakenUp(("wamid.1",), aliases=(respelt,)))

    [contact] = contacts(desk)
    assert set(contact.identities[0].keys) == {PHONE, respelt}


async def test_a_number_can_change_hands_within_one_webhook(desk: Desk) -> None:
    await desk.receive("wamid.1", who=ADA)
    moved = (IdentityKey("phone", "44999"), IdentityKey("bsuid", "GB.1b"))

    await desk.accept(
        item(IdentityChanged("770", "sys:1", 1_001.0, ADA, moved)),
        item(received("wamid.2", who=NEWCOMER)),
    )

    ada, bob = contacts(desk)
    assert set(ada.identities[0].keys) == set(moved)
    assert bob.identities[0].keys == NEWCOMER
    assert len(desk.ask(Conversations("default")).rows) == 2
    assert desk.ask(ContactById("default", bob.id)) == bob
