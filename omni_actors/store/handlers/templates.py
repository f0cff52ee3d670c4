"""Templates of channels: what the platforms list and tell of them."""

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from omni_actors.model.events import EventType
from omni_actors.model.json import Json
from omni_actors.model.reports import TemplateReported
from omni_actors.model.templates import TemplateDefinition, TemplateStatus
from omni_actors.store.codec import (
    decode_failure,
    decode_layout,
    dumps,
    encode_failure,
    encode_layout,
    loads,
)
from omni_actors.store.contract import Refused
from omni_actors.store.dialect import Reading, Writing, reads, writes
from omni_actors.store.handlers.bulk import look, put
from omni_actors.store.handlers.journal import Journal
from omni_actors.store.rows import ANY_TENANT, Page
from omni_actors.store.templates import (
    DropTemplates,
    EndTemplateSync,
    KeepTemplates,
    Template,
    Templates,
    TemplatesNamed,
    TemplateSync,
    TemplateSyncOf,
)

COLUMNS = """
    t.channel_id, t.name, t.language, t.tenant, t.status, t.category, t.quality, t.external_id,
    t.reason, t.components, t.layout, t.changed_at, t.seen_at
"""
OWNER = "SELECT tenant FROM channel WHERE id = :channel_id"
KNOWN = f"""
    SELECT {COLUMNS} FROM rows(:batch, channel_id text, name text, language text) w
    JOIN template t ON t.channel_id = w.channel_id AND t.name = w.name
        AND t.language = w.language
"""
PUT = """
    INSERT INTO template (channel_id, name, language, tenant, status, category, quality,
        external_id, reason, components, layout, changed_at, seen_at)
    SELECT channel_id, name, language, tenant, status, category, quality, external_id, reason,
        components, layout, changed_at, seen_at
    FROM rows(:batch, channel_id text, name text, language text, tenant text, status text,
              category text, quality text, external_id text, reason text, components text,
              layout text, changed_at real, seen_at real) new
    WHERE true
    ON CONFLICT (channel_id, name, language) DO UPDATE SET tenant = excluded.tenant,
        status = excluded.status, category = excluded.category, quality = excluded.quality,
        external_id = excluded.external_id, reason = excluded.reason,
        components = excluded.components, layout = excluded.layout,
        changed_at = excluded.changed_at, seen_at = excluded.seen_at
"""
UNSEEN = f"""
    SELECT {COLUMNS} FROM template t WHERE t.channel_id = :channel_id AND t.seen_at < :before
    ORDER BY t.name, t.language
"""
NAMED = f"""
    SELECT {COLUMNS} FROM template t WHERE t.channel_id = :channel_id AND t.name = :name
      AND (:tenant = '*' OR t.tenant = :tenant)
    ORDER BY t.language
"""
DROP = """
    DELETE FROM template WHERE (channel_id, name, language) IN (
        SELECT channel_id, name, language
        FROM rows(:batch, channel_id text, name text, language text) gone)
"""
FORGET = "DELETE FROM template WHERE channel_id = :channel_id"
FORGET_SYNC = "DELETE FROM template_sync WHERE channel_id = :channel_id"
SYNC = "SELECT channel_id, synced_at, tried_at, failure FROM template_sync WHERE channel_id = :id"
PUT_SYNC = """
    INSERT INTO template_sync (channel_id, synced_at, tried_at, failure)
    VALUES (:id, :synced_at, :at, :failure)
    ON CONFLICT (channel_id) DO UPDATE SET
        synced_at = coalesce(excluded.synced_at, template_sync.synced_at),
        tried_at = excluded.tried_at, failure = excluded.failure
"""
PAGE = f"""
    SELECT {COLUMNS} FROM template t
    WHERE t.channel_id = :channel_id AND (t.name, t.language) > (:name, :language)
      AND (:tenant = '*' OR t.tenant = :tenant)
      AND (:status = '' OR t.status = :status) AND (:only = '' OR t.name = :only)
      AND (:tongue = '' OR t.language = :tongue)
    ORDER BY t.name, t.language LIMIT :limit
"""
# Between name and language in a page's cursor; neither can hold it.
SEPARATOR = "~"
# A quality that nobody has judged yet, which may also be told as none.
UNJUDGED = "unknown"
# The platform tells whole seconds by its own clock, and we note by ours.
OVERTAKEN_S = 30.0


def _row(row: tuple[Any, ...]) -> Template:
    (
        channel_id, name, language, tenant, status, category, quality, external_id, reason,
        components, layout, changed_at, seen_at,
    ) = row  # fmt: skip
    definition = TemplateDefinition(
        name, language, TemplateStatus(status), category, quality, external_id, reason,
        tuple(loads(components)), decode_layout(layout),
    )  # fmt: skip
    return Template(channel_id, tenant, definition, changed_at, seen_at)


def _values(template: Template) -> tuple[Any, ...]:
    one = template.definition
    return (
        template.channel_id, one.name, one.language, template.tenant, one.status.value,
        one.category, one.quality, one.external_id, one.reason, dumps(one.components),
        encode_layout(one.layout), template.changed_at, template.seen_at,
    )  # fmt: skip


# ---------------------------------------------------------------- what is listed


@writes(KeepTemplates)
def keep_templates(db: Writing, verb: KeepTemplates) -> int:
    tenant = _tenant(db, verb.channel_id)
    told = _is_known(db, verb.channel_id)
    journal = Journal()
    fresh = {(one.name, one.language): one for one in verb.templates}
    known = {
        (row.definition.name, row.definition.language): row
        for row in map(_row, look(db, KNOWN, [(verb.channel_id, *key) for key in fresh]))
    }
    rows, changed = [], 0
    for key, one in fresh.items():
        before = known.get(key)
        different = _differences(before.definition if before else None, one)
        at = verb.at if before is None or different else before.changed_at
        rows.append(_values(Template(verb.channel_id, tenant, one, at, verb.at)))
        changed += bool(different)
        if told:
            for change in different:
                _tell(journal, tenant, verb.channel_id, one, change, verb.at)
    put(db, PUT, rows)
    journal.keep(db)
    return changed


def _differences(before: TemplateDefinition | None, now: TemplateDefinition) -> list[str]:
    """What is different, in the words of `template.changed`; a new one changes its status."""
    if before is None:
        return ["status"]
    pairs = {
        "status": (before.status, now.status),
        "category": (before.category, now.category),
        "quality": (before.quality or UNJUDGED, now.quality or UNJUDGED),
        "components": (dumps(before.components), dumps(now.components)),
    }
    return [name for name, (old, new) in pairs.items() if old != new]


@writes(EndTemplateSync)
def end_template_sync(db: Writing, verb: EndTemplateSync) -> int:
    tenant = _tenant(db, verb.channel_id)
    gone: list[Template] = []
    if verb.failure is None:
        rows = db.rows(UNSEEN, channel_id=verb.channel_id, before=verb.began_at)
        gone = [_row(row) for row in rows]
        _drop(db, tenant, gone, verb.at)
    db.run(
        PUT_SYNC,
        id=verb.channel_id,
        synced_at=verb.at if verb.failure is None else None,
        at=verb.at,
        failure=encode_failure(verb.failure),
    )
    return len(gone)


@writes(DropTemplates)
def drop_templates(db: Writing, verb: DropTemplates) -> int:
    tenant = _tenant(db, verb.channel_id)
    found = _named(db, tenant, verb.channel_id, verb.name)
    gone = [one for one in found if verb.language in (None, one.definition.language)]
    _drop(db, tenant, gone, verb.at)
    return len(gone)


def _drop(db: Writing, tenant: str, gone: Sequence[Template], at: float) -> None:
    """Forget templates that the platform has no more."""
    put(db, DROP, [(row.channel_id, row.definition.name, row.definition.language) for row in gone])
    journal = Journal()
    for row in gone:
        _tell(journal, tenant, row.channel_id, row.definition, "status", at, deleted=True)
    journal.keep(db)


def _tell(
    journal: Journal,
    tenant: str,
    channel_id: str,
    one: TemplateDefinition,
    change: str,
    at: float,
    *,
    deleted: bool = False,
) -> None:
    detail = _facts(evolve(one, status=TemplateStatus.DELETED) if deleted else one)
    detail |= {"change": change, "detail": {}}
    journal.note(EventType.TEMPLATE_CHANGED, tenant, at, None, None, channel_id, None, detail)


def _tenant(db: Reading, channel_id: str) -> str:
    found = db.row(OWNER, channel_id=channel_id)
    if found is None:
        raise Refused("unknown_channel", "There is no such channel.")
    tenant: str = found[0]
    return tenant


def _is_known(db: Reading, channel_id: str) -> bool:
    found = db.row(SYNC, id=channel_id)
    return found is not None and found[1] is not None


# ---------------------------------------------------------------- what is told


def apply_news(
    db: Writing, channel_id: str, report: TemplateReported
) -> tuple[dict[str, Json], ...]:
    """Change what is known of a template by a report; answers with its facts as they are then.

    News without a language are about all, and there are facts of each. News that are older than
    what we know of it change nothing: webhooks overtake each other, and a listing is newer than
    what was told before it. Of a template that nobody knows the facts are what the report says.
    """
    rows = _named(db, ANY_TENANT, channel_id, report.name)
    meant = [row for row in rows if report.language in ("", row.definition.language)]
    if not meant:
        return (_facts_told(report),)
    after = [(row, _after(row, report)) for row in meant]
    changed = [now for _, now in after if now is not None]
    gone = [row for row in changed if row.definition.status is TemplateStatus.DELETED]
    put(db, PUT, [_values(row) for row in changed if row not in gone])
    put(db, DROP, [(channel_id, row.definition.name, row.definition.language) for row in gone])
    return tuple([_facts((now or row).definition) for row, now in after])


def _facts(one: TemplateDefinition) -> dict[str, Json]:
    """What an event says of a template."""
    return {
        "name": one.name, "language": one.language, "status": one.status.value,
        "category": one.category, "quality": one.quality, "reason": one.reason,
    }  # fmt: skip


def _facts_told(report: TemplateReported) -> dict[str, Json]:
    news = report.news
    return {
        "name": report.name, "language": report.language,
        "status": news.status.value if news.status else None, "category": news.category,
        "quality": news.quality, "reason": news.reason,
    }  # fmt: skip


def _after(row: Template, report: TemplateReported) -> Template | None:
    """The template as it is after the news; None when they are older than what we know."""
    if 0.0 < report.at < row.changed_at - OVERTAKEN_S:
        return None
    one, news = row.definition, report.news
    definition = TemplateDefinition(
        one.name,
        one.language,
        news.status or one.status,
        news.category or one.category,
        news.quality or one.quality,
        news.external_id or one.external_id,
        news.reason if news.status else one.reason,
        one.components,
        one.layout,
    )
    at = max(report.at, row.changed_at)
    return Template(row.channel_id, row.tenant, definition, at, row.seen_at)


# ---------------------------------------------------------------- reading


@reads(Templates)
def templates(db: Reading, query: Templates) -> Page[Template]:
    name, _, language = query.after.partition(SEPARATOR)
    rows = db.rows(
        PAGE,
        tenant=query.tenant,
        channel_id=query.channel_id,
        name=name,
        language=language,
        status=query.status.value if query.status else "",
        only=query.name or "",
        tongue=query.language or "",
        limit=query.limit + 1,
    )
    found = tuple([_row(row) for row in rows[: query.limit]])
    if len(rows) <= query.limit:
        return Page(found, None)
    last = found[-1].definition
    return Page(found, f"{last.name}{SEPARATOR}{last.language}")


@reads(TemplatesNamed)
def templates_named(db: Reading, query: TemplatesNamed) -> tuple[Template, ...]:
    return tuple(_named(db, query.tenant, query.channel_id, query.name))


def _named(db: Reading, tenant: str, channel_id: str, name: str) -> list[Template]:
    """The languages of a template."""
    rows = db.rows(NAMED, tenant=tenant, channel_id=channel_id, name=name)
    return [_row(row) for row in rows]


@reads(TemplateSyncOf)
def template_sync_of(db: Reading, query: TemplateSyncOf) -> TemplateSync | None:
    found = db.row(SYNC, id=query.channel_id)
    if found is None:
        return None
    channel_id, synced_at, tried_at, failure = found
    return TemplateSync(channel_id, synced_at, tried_at, decode_failure(failure))


def forget_templates(db: Writing, channel_id: str) -> None:
    """The channel is another account from now on."""
    db.run(FORGET, channel_id=channel_id)
    db.run(FORGET_SYNC, channel_id=channel_id)
