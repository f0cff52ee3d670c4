"""What is to be known of a message beside what it says."""

from collections.abc import Sequence

from omni_actors.model.json import Json
from omni_actors.model.reports import IdentityKey, Member, Received
from omni_actors.store.codec import dumps
from omni_actors.store.handlers.threads import Answered


def notes_of(report: Received, answered: Answered | None, trust: str | None) -> str | None:
    """What the platform said besides the content, and what was found out about it."""
    notes: dict[str, Json] = dict(report.notes) if report.notes else {}
    if answered is not None:
        notes["thread"] = answered.as_note()
    if trust is not None:
        notes["trust"] = trust
    if report.automatic:
        notes["automatic"] = True
    if report.forwarded:
        notes["forwarded"] = True
    if report.referral is not None:
        notes["referral"] = report.referral
    if report.member is not None:
        notes |= group_notes(report.identities, report.member)
    if report.standby:
        notes["standby"] = True
    return dumps(notes) if notes else None


def group_notes(group: Sequence[IdentityKey], member: Member) -> dict[str, Json]:
    """In which group something was written, and who of it wrote."""
    who: dict[str, Json] = {"keys": [{"kind": k.kind, "value": k.value} for k in member.keys]}
    if member.name is not None:
        who["name"] = member.name
    if member.username is not None:
        who["username"] = member.username
    return {"group_id": group[0].value, "member": who}
