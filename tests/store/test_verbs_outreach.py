"""The line of what waits for room to write first, and what platforms have closed."""

import apsw
import pytest

from omni_actors.model.failure import Failure, Kind, Reason, Scope
from omni_actors.model.limits import Closure, person_of
from omni_actors.model.reports import IdentityKey
from omni_actors.store.limits import FreeLeg, FreeOutreach, HoldPart, KeepClosure
from omni_actors.store.queries import Closures, InLine, Outreached, WindowOf
from omni_actors.store.sqlite.migrate import shipped
from omni_actors.store.verbs import Claim, Retention, Sweep
from tests.store.conftest import Desk

FULL = Failure(Kind.THROTTLED, Reason.RATE_LIMITED, Scope.OUTREACH)


def person(n: int) -> tuple[IdentityKey, ...]:
    return (IdentityKey("bsuid", f"GB.{n}"), IdentityKey("phone", f"4477{n:05d}"))


async def held(desk: Desk, leg_id: str) -> str:
    """A part that waits for room; its id."""
    part_id = desk.find((await desk.submit(leg_id)).message_id).parts[0].id
    await desk.do(HoldPart(part_id, 2_000.0, FULL))
    return str(part_id)


async def test_those_are_let_out_first_who_have_waited_longest(desk: Desk) -> None:
    here = [await desk.leg(who=person(n)) for n in range(3)]
    there = await desk.leg(who=person(9), channel_key="771")
    parts = [await held(desk, leg_id) for leg_id in (here[0], there, here[1], here[2])]
    assert desk.ask(InLine()) == {"wa", "wa-2"}

    first = await desk.do(FreeOutreach(("wa", "wa-2"), 2, 3_000.0))
    rest = await desk.do(FreeOutreach(("wa", "wa-2"), 9, 3_001.0))

    assert [wake.part_id for wake in first.wakes] == parts[:2]
    assert first.people == ("phone:447700000", "phone:447700009")
    assert first.empty == ("wa-2",)
    assert [wake.part_id for wake in rest.wakes] == parts[2:]
    assert set(rest.empty) == {"wa", "wa-2"}
    assert desk.ask(InLine()) == frozenset()


async def test_all_of_one_person_is_let_out_at_once_and_in_order(desk: Desk) -> None:
    ada, bob = [await desk.leg(who=person(n)) for n in (1, 2)]
    parts = [await held(desk, leg_id) for leg_id in (ada, bob, ada)]

    let_out = await desk.do(FreeOutreach(("wa",), 1, 3_000.0))

    assert let_out.people == ("phone:447700001",)
    assert [wake.part_id for wake in let_out.wakes] == parts[:1]
    assert desk.heads() == parts[:1]
    await desk.claim(parts[0], at=3_001.0)
    assert desk.find(f"msg_{parts[2].split('_')[1]}").status == "queued"
    assert desk.find(f"msg_{parts[1].split('_')[1]}").status == "held"


async def test_a_part_that_is_let_out_goes_before_what_its_leg_got_later(desk: Desk) -> None:
    leg_id = await desk.leg(who=person(1))
    first = await held(desk, leg_id)
    later = desk.find((await desk.submit(leg_id)).message_id).parts[0].id
    assert desk.ask(WindowOf(leg_id)) == ("phone:447700001", None, True)

    wakes = await desk.do(FreeLeg(leg_id, 3_000.0))

    assert [wake.part_id for wake in wakes] == [first]
    assert first != later
    assert desk.ask(WindowOf(leg_id)) == ("phone:447700001", None, False)


async def test_the_same_person_of_two_tenants_is_counted_once(desk: Desk) -> None:
    mine = await desk.leg(who=person(1))
    theirs = await desk.leg(who=person(1)[1:], channel_key="779")
    queued = [await desk.submit(mine), await desk.submit(theirs, tenant="other")]

    for answer in queued:
        parts = tuple(part.id for part in desk.find(answer.message_id).parts)
        assert await desk.do(Claim(parts, 2_000.0, "whatsapp:66007"))

    assert desk.ask(Outreached("whatsapp:66007", 0.0)) == (("phone:447700001", 2_000.0),)


async def test_where_nobody_counts_them_no_people_are_kept(desk: Desk) -> None:
    leg_id = await desk.leg(who=person(1))
    await desk.submit(leg_id)

    await desk.do(Claim(tuple(desk.heads()), 2_000.0, None))

    assert desk.ask(Outreached("whatsapp:66007", 0.0)) == ()


async def test_the_longest_closure_counts_until_it_is_over(desk: Desk) -> None:
    shut = Closure(Scope.OUTREACH, "wa", "", 5_000.0)
    leg = Closure(Scope.LEG, "wa", "leg_1", 3_000.0)
    for closure in (shut, leg, Closure(Scope.OUTREACH, "wa", "", 4_000.0)):
        await desk.do(KeepClosure(closure))

    assert set(desk.ask(Closures(2_000.0))) == {shut, leg}
    assert desk.ask(Closures(4_500.0)) == (shut,)
    assert await desk.do(Sweep(6_000.0, Retention())) == 2
    assert desk.ask(Closures(0.0)) == ()


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ((IdentityKey("bsuid", "GB.1"), IdentityKey("phone", "44771")), "phone:44771"),
        ((IdentityKey("phone", "44771"),), "phone:44771"),
        ((IdentityKey("bsuid", "GB.1"), IdentityKey("parent_bsuid", "GB.ENT.1")), "bsuid:GB.1"),
    ],
)
def test_a_person_is_counted_by_the_key_that_is_known_first(
    keys: tuple[IdentityKey, ...], named: str
) -> None:
    assert person_of(keys) == named


def test_an_older_database_keeps_whom_it_wrote_to_and_what_it_holds() -> None:
    step = next(one for one in shipped() if one.name.endswith("_outreach.sql"))
    before = [one for one in shipped() if one.number < step.number]
    db = apsw.Connection(":memory:")
    for one in before:
        db.execute(one.sql)
    keys = '[["bsuid", "GB.1", ""], ["phone", "44771", ""]]'
    db.execute(
        "INSERT INTO channel (id, tenant, platform, channel_key, settings, state, since, source)"
        " VALUES ('wa', 't', 'whatsapp', '770', '{}', 'active', 1.0, 'config')"
    )
    for id, tenant in (("idn_1", "t"), ("idn_2", "u")):
        db.execute(
            "INSERT INTO identity (id, tenant, contact_id, platform, keys)"
            " VALUES (?, ?, ?, 'whatsapp', ?)",
            (id, tenant, f"cnt_{id}", keys),
        )
    for portfolio, id, at in (
        ("whatsapp:wa", "idn_1", 5.0),
        ("whatsapp:66007", "idn_1", 6.0),
        ("whatsapp:66007", "idn_2", 7.0),
    ):
        db.execute("INSERT INTO outreach VALUES (?, ?, ?)", (portfolio, id, at))
    db.execute(
        "INSERT INTO part (id, message_id, n, channel_id, lane, leg_id, form, content, status,"
        " open, queued_at, status_at, until_at, held_for) VALUES ('prt_1', 'msg_1', 0, 'wa',"
        " 'normal', 'leg_1', 'text', '{}', 'held', 1, 1.0, 1.0, 99.0, 'outreach')"
    )

    db.execute(step.sql)

    counted = db.execute("SELECT portfolio, person, at FROM outreach ORDER BY portfolio").fetchall()
    assert counted == [("whatsapp:66007", "phone:44771", 7.0), ("whatsapp:770", "phone:44771", 5.0)]
    held = db.execute("SELECT held_for, until_at FROM part").fetchall()
    assert held == [("outreach", None)]
