"""What the operator decided: `config.toml` read and judged, and what it asks of the house."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import fields, frozen, has
from cattrs import unstructure
from cattrs.errors import ClassValidationError

from omni_actors.adapters import APP_KINDS
from omni_actors.adapters.connecting import App, AppKind
from omni_actors.adapters.contract import Adapter, HookKind
from omni_actors.config_decode import Decoder, keys_of, mistakes_of, strict_structurer
from omni_actors.config_sources import (
    ConfigError,
    did_you_mean,
    inside,
    read_document,
    unknown_key,
)
from omni_actors.config_tables import (
    ARRAYS,
    DEFAULT_TENANT,
    SECTIONS,
    AppConfig,
    AppTable,
    BotConfig,
    ChannelConfig,
    ChannelTable,
    Config,
    HookConfig,
    HookTable,
    RetentionConfig,
    RouteConfig,
    ServerConfig,
)
from omni_actors.config_templates import templates_in
from omni_actors.gateway.ground import Plan
from omni_actors.gateway.hooks import Hook
from omni_actors.gateway.pacing import Pacing
from omni_actors.gateway.sender import Route
from omni_actors.model.content import CONTENT_TYPES
from omni_actors.model.json import JsonObject
from omni_actors.model.mail_templates import MailTemplate
from omni_actors.net.account import Account
from omni_actors.policy.rate import Limit
from omni_actors.policy.routing import ConsumerRule
from omni_actors.store.contract import Refused
from omni_actors.store.rows import Channel
from omni_actors.store.verbs import ChannelSpec, Retention
from omni_actors.wire.hosts import is_loopback

__all__ = ["Config", "ConfigError", "load", "plan_of", "route_to", "router"]

SANDBOX_PREFIX: Final = "sandbox-"
NOBODY: Final = "none"
DAY_S: Final = 86400.0


def load(
    path: Path,
    environ: Mapping[str, str],
    adapters: Mapping[str, Adapter[Any, Any]],
    hook_kinds: Mapping[str, HookKind[Any]],
    app_kinds: Mapping[str, AppKind[Any, Any]] = APP_KINDS,
) -> Config:
    """The config in a file, whole and judged. Raises ConfigError with all mistakes."""
    decoder = Decoder(path.parent)
    document = read_document(path, environ, decoder.mistakes)
    reading = Reading(decoder, adapters, hook_kinds, app_kinds)
    reading.unknown_sections(document)
    sections = {
        name: decoder.table(cls, document.get(name, {}), name) for name, cls in SECTIONS.items()
    }
    apps = list(reading.apps(document.get("apps", [])))
    hooks = list(reading.hooks(document.get("hooks", [])))
    channels = list(reading.channels(document.get("channels", [])))
    routes = list(reading.routes(document.get("routes", [])))
    templates = mail_templates(sections["mail_templates"], path.parent, decoder)
    decoder.mistakes += taken_twice(document, channels)
    decoder.mistakes += read_twice(channels, adapters)
    decoder.mistakes += vain_apps(document, channels, adapters)
    decoder.mistakes += vain_waits(sections["delivery"], adapters)
    decoder.mistakes += vain_routes(routes, document, adapters, sections["bot"])
    decoder.mistakes += exposed(sections["server"], apps, hooks, channels)
    if decoder.mistakes:
        raise ConfigError(decoder.mistakes)
    made: dict[str, Any] = dict(sections)
    return Config(
        path=path,
        apps=tuple(each for _, each in apps),
        hooks=tuple(each for _, each in hooks),
        channels=tuple(each for _, each in channels),
        routes=tuple(each for _, each in routes),
        templates=templates,
        **made,
    )


def mail_templates(table: Any, base: Path, decoder: Decoder) -> tuple[MailTemplate, ...]:
    """The templates of mails in the folder that the config names, if it names one."""
    if table is None or not table.folder:
        return ()
    return templates_in(base / table.folder, decoder)


@frozen
class Reading:
    """Decodes the tables whose keys depend on what is registered; each comes with its place."""

    decoder: Decoder
    adapters: Mapping[str, Adapter[Any, Any]]
    hook_kinds: Mapping[str, HookKind[Any]]
    app_kinds: Mapping[str, AppKind[Any, Any]]

    def unknown_sections(self, document: Mapping[str, Any]) -> None:
        """Complain of what no section is called."""
        known = [*SECTIONS, *ARRAYS]
        self.decoder.mistakes += [
            unknown_key("", key, known) for key in document if key not in known
        ]

    def apps(self, value: object) -> Iterator[tuple[str, AppConfig]]:
        """The apps that can be read."""
        for place, table in self.decoder.tables(value, "apps"):
            common, rest = split(table, keys_of(AppTable))
            head = self.decoder.table(AppTable, common, place)
            kind = self.registered(self.app_kinds, common.get("kind"), f"{place}.kind")
            if kind is None:
                continue
            secret = keys_of(kind.secrets, every_secret=True)
            known = [*keys_of(AppTable), *keys_of(kind.settings), *secret]
            hidden, open_ = split(self.known_only(rest, known, place), secret)
            settings = self.decoder.table(kind.settings, open_, place)
            secrets = self.decoder.table(kind.secrets, hidden, place, every_secret=True)
            if head is not None and settings is not None and secrets is not None:
                yield place, AppConfig(head.id, head.kind, settings, secrets)

    def hooks(self, value: object) -> Iterator[tuple[str, HookConfig]]:
        """The hooks that can be read."""
        for place, table in self.decoder.tables(value, "hooks"):
            common, rest = split(table, keys_of(HookTable))
            head = self.decoder.table(HookTable, common, place)
            kind = self.registered(self.hook_kinds, common.get("kind"), f"{place}.kind")
            if kind is None:
                continue
            known = [*keys_of(HookTable), *keys_of(kind.secrets, every_secret=True)]
            mine = self.known_only(rest, known, place)
            secrets = self.decoder.table(kind.secrets, mine, place, every_secret=True)
            if head is not None and secrets is not None:
                yield place, HookConfig(head.id, head.kind, secrets)

    def channels(self, value: object) -> Iterator[tuple[str, ChannelConfig]]:
        """The channels that can be read."""
        for place, table in self.decoder.tables(value, "channels"):
            common, rest = split(table, keys_of(ChannelTable))
            head = self.decoder.table(ChannelTable, common, place)
            adapter = self.registered(self.adapters, common.get("platform"), f"{place}.platform")
            if adapter is None:
                continue
            secret = keys_of(adapter.credentials, every_secret=True)
            known = [*keys_of(ChannelTable), *keys_of(adapter.settings), *secret]
            hidden, open_ = split(self.known_only(rest, known, place), secret)
            settings = self.decoder.table(adapter.settings, open_, place)
            credentials = self.decoder.table(adapter.credentials, hidden, place, every_secret=True)
            if head is not None and settings is not None and credentials is not None:
                key = adapter.channel_key(settings)
                settings = adapter.completed(settings, credentials)
                yield place, channel(head, key, settings, credentials)

    def routes(self, value: object) -> Iterator[tuple[str, RouteConfig]]:
        """The routes that can be read."""
        for place, table in self.decoder.tables(value, "routes"):
            route = self.decoder.table(RouteConfig, table, place)
            if route is not None:
                yield place, route

    def known_only(
        self, table: Mapping[str, Any], known: Sequence[str], place: str
    ) -> Mapping[str, Any]:
        """Complain of the keys that nobody reads; the others."""
        mine, unknown = split(table, known)
        self.decoder.mistakes += [unknown_key(place, key, known) for key in unknown]
        return mine

    def registered(self, registry: Mapping[str, Any], name: object, place: str) -> Any:
        """What a name stands for; None, with a mistake, for a name that nothing has."""
        if not isinstance(name, str):
            return None
        if name not in registry:
            hint = did_you_mean(name, registry) or f"; there is {', '.join(sorted(registry))}"
            self.decoder.mistakes.append(f"{place}: unknown{hint}")
        return registry.get(name)


def channel(head: ChannelTable, key: str, settings: Any, credentials: Any) -> ChannelConfig:
    """A channel of its three tables."""
    return ChannelConfig(
        id=head.id,
        platform=head.platform,
        tenant=head.tenant,
        channel_key=key,
        settings=settings,
        credentials=credentials,
        rate=head.rate,
        pair_rate=head.pair_rate,
    )


def split(table: Mapping[str, Any], keys: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The entries with one of these keys, and the others."""
    mine = {key: value for key, value in table.items() if key in keys}
    return mine, {key: value for key, value in table.items() if key not in mine}


def taken_twice(
    document: Mapping[str, Any], channels: Sequence[tuple[str, ChannelConfig]]
) -> Iterator[str]:
    """Ids that two apps, hooks or channels share, and accounts that two channels claim."""
    for name in ("apps", "hooks", "channels"):
        yield from _again(told(document, name, "id"))
    accounts = [(place, (each.platform, each.channel_key)) for place, each in channels]
    for mistake in _again(accounts):
        yield f"{mistake}; two channels cannot be one account of the platform"


def read_twice(
    channels: Sequence[tuple[str, ChannelConfig]], adapters: Mapping[str, Adapter[Any, Any]]
) -> Iterator[str]:
    """Mailboxes that two channels read: each mail would be whose session comes first."""
    mailboxes: list[tuple[str, object]] = []
    for place, channel in channels:
        desk = adapters[channel.platform].mailbox
        server = desk.server(channel.settings) if desk else None
        if desk and server:
            folder = desk.folders(channel.settings).inbox
            folder = "INBOX" if folder.upper() == "INBOX" else folder
            at = (server.host.lower(), server.port, server.username.lower(), folder)
            mailboxes.append((place, at))
    for mistake in _again(mailboxes):
        yield f"{mistake} in what it reads; each needs a folder of its own (imap.mailbox)"


def told(document: Mapping[str, Any], name: str, key: str) -> list[tuple[str, str]]:
    """What an array of tables says of one key, with places, however wrong the tables are."""
    return [
        (f"{name}[{index}].{key}", table[key])
        for index, table in enumerate(tables_of(document, name))
        if isinstance(table.get(key), str)
    ]


def tables_of(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """An array of tables, however wrong it is."""
    tables = document.get(name)
    listed = tables if isinstance(tables, list) else []
    return [table if isinstance(table, Mapping) else {} for table in listed]


def _again(named: Sequence[tuple[str, object]]) -> Iterator[str]:
    first: dict[object, str] = {}
    for place, name in named:
        if name in first:
            yield f"{place}: the same as {first[name]}"
        first.setdefault(name, place)


def vain_apps(
    document: Mapping[str, Any],
    channels: Sequence[tuple[str, ChannelConfig]],
    adapters: Mapping[str, Adapter[Any, Any]],
) -> Iterator[str]:
    """Channels of apps that there are not, or of the wrong kind, or of none that need one."""
    known = {str(each.get("id")): each.get("kind") for each in tables_of(document, "apps")}
    for place, channel in channels:
        kinds = adapters[channel.platform].oauth
        able = [name for name, kind in known.items() if kind in kinds]
        app = getattr(channel.settings, "app", None)
        if app is not None and app not in able:
            there_is = f"there is {', '.join(able)}" if able else f"of kind {' or '.join(kinds)}"
            why = f"must be an app that {channel.platform} accounts connect through"
            yield f"{inside(place, 'app')}: {why}; {there_is if kinds else 'there is none'}"
        if app is None and getattr(channel.credentials, "refresh_token", None):
            yield f"{inside(place, 'app')}: missing; a refresh_token is good with its app only"


def vain_waits(delivery: Any, adapters: Mapping[str, Adapter[Any, Any]]) -> Iterator[str]:
    """Platforms that nobody serves."""
    if delivery is not None:
        named = list(delivery.unknown_wait_s)
        yield from _unknown("delivery.unknown_wait_s", named, list(adapters), "platform")


def vain_routes(
    routes: Sequence[tuple[str, RouteConfig]],
    document: Mapping[str, Any],
    adapters: Mapping[str, Adapter[Any, Any]],
    bot: Any,
) -> Iterator[str]:
    """Routes to nobody, and criteria that nothing can meet."""
    consumers = sorted({NOBODY, BotConfig().kind if bot is None else bot.kind})
    tenants = dict(told(document, "channels", "tenant")).values()
    known: Mapping[str, Sequence[str]] = {
        "platform": list(adapters),
        "channel": list(dict(told(document, "channels", "id")).values()),
        "content": list(CONTENT_TYPES.values()),
        "tenant": [*tenants, DEFAULT_TENANT],
    }
    for place, route in routes:
        yield from _unknown(f"{place}.to", [route.to], consumers, "consumer")
        for criterion, words in known.items():
            given = getattr(route.match, criterion)
            yield from _unknown(inside(f"{place}.match", criterion), given, words, criterion)


def _unknown(place: str, given: Sequence[str], known: Sequence[str], noun: str) -> Iterator[str]:
    for word in given:
        if word not in known:
            there_is = f"; there is {', '.join(dict.fromkeys(known))}" if known else ""
            yield f"{place}: unknown {noun}{did_you_mean(word, known) or there_is}"


def exposed(
    server: Any,
    apps: Sequence[tuple[str, AppConfig]],
    hooks: Sequence[tuple[str, HookConfig]],
    channels: Sequence[tuple[str, ChannelConfig]],
) -> Iterator[str]:
    """Secrets of the sandbox, which everybody knows, where not all addresses are of loopback."""
    if server is None:
        return
    ours = [*_server_addresses(server)]
    for place, app in apps:
        yield from _exposed(place, app.secrets, [*ours, *_addresses(place, app.settings)])
    theirs = [[*_addresses(place, each.settings)] for place, each in channels]
    for place, hook in hooks:
        yield from _exposed(place, hook.secrets, [*ours, *(a for some in theirs for a in some)])
    for (place, each), addresses in zip(channels, theirs, strict=True):
        yield from _exposed(place, each.credentials, [*ours, *addresses])


def _exposed(place: str, secrets: Any, addresses: Sequence[tuple[str, str]]) -> Iterator[str]:
    outside = [where for where, host in addresses if not is_loopback(host)]
    if not outside:
        return
    for each in fields(type(secrets)):
        value = getattr(secrets, each.name)
        values = [value] if isinstance(value, str) else value if isinstance(value, tuple) else []
        if any(isinstance(one, str) and one.startswith(SANDBOX_PREFIX) for one in values):
            verb = "is" if len(outside) == 1 else "are"
            yield (
                f"{inside(place, each.name)}: a secret of the sandbox must stay on loopback, and "
                f"{_listed(outside)} {verb} not there"
            )


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _server_addresses(server: ServerConfig) -> Iterator[tuple[str, str]]:
    yield "server.bind", server.bind.rpartition(":")[0].strip("[]")
    if server.public_url is not None:
        yield "server.public_url", urlsplit(server.public_url).hostname or ""


def _addresses(place: str, settings: Any) -> Iterator[tuple[str, str]]:
    """Where the platform of a channel or an app is, by the names of its settings."""
    for each in fields(type(settings)):
        value = getattr(settings, each.name)
        if has(type(value)):
            yield from _addresses(inside(place, each.name), value)
        elif not isinstance(value, str):
            continue
        elif each.name.endswith("url"):
            yield inside(place, each.name), urlsplit(value).hostname or ""
        elif each.name.endswith("host"):
            yield inside(place, each.name), value.rpartition(":")[0].strip("[]") or value


def plan_of(
    config: Config,
    adapters: Mapping[str, Adapter[Any, Any]],
    hook_kinds: Mapping[str, HookKind[Any]],
    app_kinds: Mapping[str, AppKind[Any, Any]] = APP_KINDS,
) -> Plan:
    """What the config asks of the house."""
    return Plan(
        channels=tuple(spec_of(each, adapters[each.platform]) for each in config.channels),
        pacing={each.id: pacing_of(each, adapters[each.platform]) for each in config.channels},
        hooks={
            each.id: Hook(each.id, hook_kinds[each.kind], each.secrets) for each in config.hooks
        },
        rules=tuple(rule_of(each) for each in config.routes),
        bot=config.bot.kind,
        keep=kept(config.retention),
        idle_s=config.conversations.idle_s,
        unknown_wait_s=config.delivery.unknown_wait_s,
        window_closing_s=config.conversations.window_closing_s,
        apps={
            each.id: App(each.id, app_kinds[each.kind], each.settings, each.secrets)
            for each in config.apps
        },
        mail_templates=config.templates,
        public_url="" if config.public_url.endswith(":0") else config.public_url,
        links_url="" if config.server.public_url is None else config.public_url,
    )


def spec_of(channel: ChannelConfig, adapter: Adapter[Any, Any]) -> ChannelSpec:
    """A channel as the store keeps it."""
    named = adapter.named(channel.settings) if adapter.named else ()
    return ChannelSpec(
        id=channel.id,
        tenant=channel.tenant,
        platform=channel.platform,
        channel_key=channel.channel_key,
        settings=unstructure(channel.settings),
        credentials=unstructure(channel.credentials),
        names=tuple(named),
        app=getattr(channel.settings, "app", None),
    )


def pacing_of(channel: ChannelConfig, adapter: Adapter[Any, Any]) -> Pacing:
    """A channel's limits: its own, else those that its platform sets."""
    rate = channel.rate or adapter.rate_for(channel.settings)
    pair = channel.pair_rate or adapter.pair_rate
    return Pacing(
        Limit(rate.per_second, rate.burst, rate.loan_s),
        Limit(pair.per_second, pair.burst, pair.loan_s) if pair else None,
        fixed=channel.rate is not None,
    )


def rule_of(route: RouteConfig) -> ConsumerRule:
    """A route as routing takes it."""
    return ConsumerRule(
        to=route.to,
        platforms=frozenset(route.match.platform),
        channels=frozenset(route.match.channel),
        content=frozenset(route.match.content),
        tenants=frozenset(route.match.tenant),
    )


def kept(retention: RetentionConfig) -> Retention:
    """Retention in seconds."""
    return Retention(
        intakes_s=retention.intakes_days * DAY_S,
        traces_s=retention.traces_days * DAY_S,
        idempotency_s=retention.idempotency_hours * 3600.0,
        events_s=retention.events_days * DAY_S,
        seen_s=retention.seen_days * DAY_S,
        media_s=retention.media_days * DAY_S,
    )


def router(
    adapters: Mapping[str, Adapter[Any, Any]], credentials: Callable[[str], JsonObject]
) -> Callable[[Channel], Route]:
    """How to send on a stored channel; `credentials` reads the secrets of a channel by its id.

    The answer raises Refused when the stored row does not fit this version's adapter.
    """
    structurer = strict_structurer(extra_keys_forbidden=False)

    def decoded(channel_id: str, row: JsonObject, cls: type[Any]) -> Any:
        try:
            return structurer.structure(row, cls)
        except ClassValidationError as error:
            wrong = "; ".join(mistakes_of(error, f"channel {channel_id}", []))
            raise Refused("channel_unreadable", f"the stored {wrong}") from None

    def route_of(channel: Channel) -> Route:
        adapter = adapters[channel.platform]
        settings = decoded(channel.id, channel.settings, adapter.settings)
        secrets = decoded(channel.id, credentials(channel.id), adapter.credentials)
        return route_to(adapter, channel.id, settings, secrets)

    return route_of


def route_to(adapter: Adapter[Any, Any], channel_id: str, settings: Any, credentials: Any) -> Route:
    """How to send on a channel with these settings and credentials."""
    account = Account(
        channel_id=channel_id,
        token=adapter.token(credentials),
        app_secret=getattr(credentials, "app_secret", None),
        app_id=getattr(settings, "app_id", None),
        refresh_token=getattr(credentials, "refresh_token", None),
        hosts=adapter.token_hosts(settings),
    )
    return Route(adapter, settings, account)
