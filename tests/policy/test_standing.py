"""What a channel's news mean for how it stands, and whether it may send."""

from typing import Any

import pytest

from omni_actors.model.failure import Failure, Kind, Reason
from omni_actors.model.reports import ChannelReported, Severity
from omni_actors.model.standing import Standing
from omni_actors.policy.standing import ERROR_S, NOTICE_S, SENTENCES, standing_of

AT = 1_790_000_000.0
INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL


def news(kind: str, severity: Severity = INFO, **detail: Any) -> ChannelReported:
    return ChannelReported("900", "key", AT, (), kind, severity, detail)


def means(kind: str, severity: Severity = INFO, **detail: Any) -> Standing:
    found = standing_of(news(kind, severity, **detail))
    assert found is not None
    return found


SAID = {
    "a ban": (
        news("ban", CRITICAL, state="disabled"),
        "The account is banned: it may not send until the platform reinstates it.",
    ),
    "a ban to come": (
        news("ban", CRITICAL, state="scheduled", on="1 May"),
        "The account will be disabled on 1 May.",
    ),
    "the end of a ban": (news("ban", state="reinstated"), "The account was reinstated."),
    "a ban of tomorrow": (news("ban", state="on_hold"), "The state of a ban is on hold."),
    "a restriction": (
        news("restriction", sending="replies", restrictions=[{"type": "first_messages"}]),
        "The account is restricted (first messages): it may answer customers, and not write first.",
    ),
    "a restriction without a type": (
        news("restriction", sending="nothing"),
        "The account is restricted (of a kind that the platform does not name): it may not send.",
    ),
    "a restriction with a reason": (
        news(
            "restriction",
            sending="nothing",
            restrictions=[{"type": "policy_enforcement"}],
            reason="The bot broke policy X.",
        ),
        "The account is restricted (policy enforcement): it may not send: The bot broke policy X.",
    ),
    "the end of a restriction": (
        news("restriction", sending="all", restrictions=[]),
        "The account is no longer restricted.",
    ),
    "a lost connection": (
        news("connection", state="removed", by="user", reason="primary_inactivity"),
        "The connection to the account was removed, by user: primary inactivity.",
    ),
    "a deletion": (news("deletion"), "The account was deleted."),
    "an app": (news("app", state="uninstalled"), "The app was uninstalled."),
    "a violation": (news("violation", type="scam"), "The account has violated a policy: scam."),
    "a review": (news("review", decision="rejected"), "The review of the account is rejected."),
    "an alert": (news("alert", type="oba", text="no"), "Alert: oba (no)."),
    "quality": (news("quality", state="flagged"), "The quality of the number: flagged."),
    "throughput": (
        news("throughput", per_second=1000),
        "The number may send 1000 messages a second.",
    ),
    "a limit": (
        news("messaging_limit", users_per_day=250),
        "The business may write first to 250 people a day.",
    ),
    "no limit": (
        news("messaging_limit", users_per_day=None),
        "The business may write first to everybody.",
    ),
    "a limit that nobody names": (news("messaging_limit"), "The messaging limit was changed."),
    "a name": (
        news("name", name="Teas", decision="rejected", reason="too_short"),
        "The name Teas is rejected: too short.",
    ),
    "a username": (
        news("username", username="omni", state="reserved"),
        "The username omni is reserved.",
    ),
    "security": (
        news("security", event="pin_changed", by="660077"),
        "Security: pin changed: 660077.",
    ),
}


@pytest.mark.parametrize(("report", "sentence"), SAID.values(), ids=SAID.keys())
def test_news_are_said_in_a_sentence(report: ChannelReported, sentence: str) -> None:
    found = standing_of(report)

    assert found is not None
    assert found.sentence == sentence
    assert {one.kind for one, _ in SAID.values()} == SENTENCES.keys()


@pytest.mark.parametrize(
    ("sending", "blocks"), [("nothing", True), ("replies", False), ("all", False), (None, False)]
)
def test_only_what_forbids_all_sending_blocks(sending: str | None, *, blocks: bool) -> None:
    assert means("restriction", CRITICAL, sending=sending).blocks is blocks


def test_what_an_operator_may_leave_so_is_fine() -> None:
    ok = [means("review", severity).ok for severity in (INFO, WARNING, CRITICAL)]

    assert ok == [True, False, False]


def test_alerts_of_several_types_stand_side_by_side() -> None:
    assert means("alert", type="oba").topic != means("alert", type="limit").topic
    assert means("name", name="a").topic == means("name", name="b").topic


def test_what_nothing_else_ends_ends_by_itself() -> None:
    assert means("violation", CRITICAL).until == AT + NOTICE_S
    assert means("restriction", until=AT + 60.0).until == AT + 60.0
    assert means("ban", CRITICAL).until is None


@pytest.mark.parametrize("kind", ["history", "call", "group", "flow", "a_kind_of_tomorrow"])
def test_other_news_change_nothing_of_how_a_channel_stands(kind: str) -> None:
    assert standing_of(news(kind)) is None


def trouble(kind: Kind) -> Standing | None:
    failure = Failure(kind, Reason.CHANNEL_MISCONFIGURED, code="131042", text="no payment method")
    report = ChannelReported("770", "k", AT, (), "error", CRITICAL, {}, failure)
    return standing_of(report)


def test_only_trouble_that_stays_is_a_matter_of_standing() -> None:
    lasting = trouble(Kind.BROKEN)

    assert lasting is not None
    assert (lasting.ok, lasting.blocks, lasting.until) == (False, False, AT + ERROR_S)
    assert "no payment method" in lasting.sentence
    assert trouble(Kind.THROTTLED) is None
