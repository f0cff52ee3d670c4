"""The tables of `config.toml` as frozen classes, and what their values may be."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen
from attrs.validators import optional

from omni_actors.api.settings import ApiSettings
from omni_actors.config_decode import SECRET, OneOrMore
from omni_actors.model.mail_templates import MailTemplate
from omni_actors.policy.rate import Limit
from omni_actors.policy.window import CLOSING_BEFORE_S

SQLITE: Final = "sqlite:///"
KEY_DIGITS: Final = 64
DEFAULT_TENANT: Final = "default"
ANYTHING: Final = OneOrMore(())

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _is_id(_table: Any, _attribute: "Attribute[str]", value: str) -> None:
    if not _ID.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, dots, dashes or underscores")


def _is_bind(_table: Any, _attribute: "Attribute[str]", value: str) -> None:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be host:port, such as 127.0.0.1:8080 or [::1]:8080")


def _is_url(_table: Any, _attribute: "Attribute[Any]", value: str) -> None:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
        parts = urlsplit("")
    if not good or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be a URL such as https://gateway.example.com")


def _is_store_url(_table: Any, _attribute: "Attribute[str]", value: str) -> None:
    if value.startswith(("postgresql:", "postgres:")):
        raise ValueError("PostgreSQL is not supported yet; use a URL like sqlite:///data/omni.db")
    if not value.startswith(SQLITE) or value == SQLITE:
        raise ValueError("must look like sqlite:///data/omni.db")


def _is_key(_table: Any, _attribute: "Attribute[Any]", value: str) -> None:
    if len(value) != KEY_DIGITS or not re.fullmatch(r"[0-9A-Fa-f]*", value):
        raise ValueError(f"must be 32 bytes, written as {KEY_DIGITS} hexadecimal digits")


def _is_positive(_table: Any, _attribute: "Attribute[float]", value: float) -> None:
    if value <= 0:
        raise ValueError("must be more than 0")


def _is_one_or_more(_table: Any, _attribute: "Attribute[int]", value: int) -> None:
    if value < 1:
        raise ValueError("must be 1 or more")


def _is_not_negative(_table: Any, _attribute: "Attribute[float]", value: float) -> None:
    if value < 0:
        raise ValueError("must not be less than 0")


def _are_waits(_table: Any, _attribute: "Attribute[Any]", value: Mapping[str, float]) -> None:
    if any(wait_s < 0 for wait_s in value.values()):
        raise ValueError("must not hold less than 0")


def _at_least_one(default: int) -> Any:
    return field(default=default, validator=_is_one_or_more)


def _positive(default: float) -> Any:
    return field(default=default, validator=_is_positive)


@frozen
class ServerConfig:
    """Where we listen (`host:port`; port 0 takes a free one), and how the world reaches us."""

    bind: str = field(default="127.0.0.1:8080", validator=_is_bind)
    public_url: str | None = field(default=None, validator=optional(_is_url))


@frozen
class StoreConfig:
    """The database. A relative path starts at the working directory.

    `encryption_key` encrypts credentials; without it a key lies in `store.key` beside the database.
    """

    url: str = field(default="sqlite:///data/omni.db", validator=_is_store_url)
    encryption_key: str | None = field(
        default=None, repr=False, validator=optional(_is_key), metadata={SECRET: True}
    )

    @property
    def key(self) -> bytes | None:
        """The key in bytes."""
        return None if self.encryption_key is None else bytes.fromhex(self.encryption_key)


@frozen
class LimitsConfig:
    """Bounds of the front door: how much at once, and how long it waits for it."""

    json_bytes_max: int = _at_least_one(1024 * 1024)
    hook_bytes_max: int = _at_least_one(256 * 1024 * 1024)
    hooks_max: int = _at_least_one(1024)
    live_max: int = _at_least_one(1000)
    key_per_second: float = _positive(200.0)
    key_burst: int = _at_least_one(400)
    body_timeout_s: float = _positive(30.0)
    hook_timeout_s: float = _positive(20.0)


@frozen
class LogConfig:
    """What is logged, from this level on."""

    level: Literal["debug", "info", "warning", "error"] = "info"


@frozen
class DrainConfig:
    """How a stop goes: `notice_s` not ready but still serving, then `deadline_s` to finish."""

    notice_s: float = field(default=0.0, validator=_is_not_negative)
    deadline_s: float = field(default=25.0, validator=_is_not_negative)


@frozen
class RetentionConfig:
    """How long things are kept."""

    intakes_days: float = _positive(14.0)
    traces_days: float = _positive(14.0)
    idempotency_hours: float = _positive(24.0)
    events_days: float = _positive(30.0)
    seen_days: float = _positive(14.0)
    media_days: float = _positive(90.0)


@frozen
class ConversationsConfig:
    """How long a quiet conversation's actor stays awake; how long before its end a reply window is
    told to be closing."""

    idle_s: float = _positive(120.0)
    window_closing_s: float = field(default=CLOSING_BEFORE_S, validator=_is_not_negative)


@frozen
class DeliveryConfig:
    """How long to wait, by platform, for a sign of a message whose answer was lost.

    For a platform that is not named, its adapter knows.
    """

    unknown_wait_s: Mapping[str, float] = field(factory=dict, validator=_are_waits)


@frozen
class MailTemplatesConfig:
    """Where templates of mails lie; a relative path starts at the config's folder. Empty: none."""

    folder: str = ""


@frozen
class BotConfig:
    """Who answers where no route says otherwise: the built-in echo bot, or nobody here."""

    kind: Literal["echo", "none"] = "echo"


@frozen
class RateConfig:
    """At most `burst` at once, `per_second` on the long run.

    With `loan_s` a burst is a loan: taken up within so many seconds, and paid off whole after that.
    """

    per_second: float = field(validator=_is_positive)
    burst: int = field(validator=_is_one_or_more)
    loan_s: float | None = field(default=None, validator=optional(_is_positive))

    @property
    def limit(self) -> Limit:
        """As the limiters take it."""
        return Limit(self.per_second, self.burst, self.loan_s)


@frozen
class HookTable:
    """The keys that every hook has; the others are its kind's."""

    id: str = field(validator=_is_id)
    kind: str


@frozen
class AppTable:
    """The keys that every app has; the others are its kind's."""

    id: str = field(validator=_is_id)
    kind: str


@frozen
class AppConfig:
    """An app with its settings and secrets, instances of its kind's classes."""

    id: str
    kind: str
    settings: Any
    secrets: Any = field(repr=False)


@frozen
class HookConfig:
    """A hook with its secrets, an instance of its kind's class."""

    id: str
    kind: str
    secrets: Any = field(repr=False)


@frozen
class ChannelTable:
    """The keys that every channel has; the others are its platform's."""

    id: str = field(validator=_is_id)
    platform: str
    tenant: str = field(default=DEFAULT_TENANT, validator=_is_id)
    rate: RateConfig | None = None
    pair_rate: RateConfig | None = None


@frozen
class ChannelConfig:
    """A channel with its settings and credentials, instances of its adapter's classes."""

    id: str
    platform: str
    tenant: str
    channel_key: str
    settings: Any
    credentials: Any = field(repr=False)
    rate: RateConfig | None = None
    pair_rate: RateConfig | None = None


@frozen
class MatchConfig:
    """What a route is about. A key that is left out matches everything."""

    platform: OneOrMore = ANYTHING
    channel: OneOrMore = ANYTHING
    content: OneOrMore = ANYTHING
    tenant: OneOrMore = ANYTHING


@frozen
class RouteConfig:
    """What matches goes to the consumer `to`; the first route that matches decides."""

    to: str
    match: MatchConfig = field(factory=MatchConfig)


@frozen
class Config:
    """Everything that the operator decided."""

    path: Path
    server: ServerConfig
    limits: LimitsConfig
    store: StoreConfig
    log: LogConfig
    drain: DrainConfig
    retention: RetentionConfig
    conversations: ConversationsConfig
    delivery: DeliveryConfig
    mail_templates: MailTemplatesConfig
    bot: BotConfig
    apps: tuple[AppConfig, ...]
    hooks: tuple[HookConfig, ...]
    channels: tuple[ChannelConfig, ...]
    routes: tuple[RouteConfig, ...]
    templates: tuple[MailTemplate, ...] = ()

    @property
    def public_url(self) -> str:
        """How the world reaches us; on this machine alone when nothing else is said."""
        return (self.server.public_url or f"http://{self.server.bind}").rstrip("/")

    def hook_url(self, hook_id: str) -> str:
        """Where platforms knock."""
        return f"{self.public_url}/webhooks/{hook_id}"

    @property
    def api(self) -> ApiSettings:
        """What the front door is told."""
        limits = self.limits
        return ApiSettings(
            public_url=self.public_url,
            json_bytes_max=limits.json_bytes_max,
            hook_bytes_max=limits.hook_bytes_max,
            hooks_max=limits.hooks_max,
            live_max=limits.live_max,
            body_timeout_s=limits.body_timeout_s,
            hook_timeout_s=limits.hook_timeout_s,
        )


SECTIONS: Final[Mapping[str, type]] = {
    "server": ServerConfig,
    "limits": LimitsConfig,
    "store": StoreConfig,
    "log": LogConfig,
    "drain": DrainConfig,
    "retention": RetentionConfig,
    "conversations": ConversationsConfig,
    "delivery": DeliveryConfig,
    "mail_templates": MailTemplatesConfig,
    "bot": BotConfig,
}
ARRAYS: Final = ("apps", "hooks", "channels", "routes")
