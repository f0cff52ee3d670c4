"""What the house is built of: what the config asks of it, and what it stands on."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from attrs import field, frozen

from omni_actors.actors.clock import Clock
from omni_actors.actors.system import System
from omni_actors.adapters.connecting import App
from omni_actors.adapters.contract import Adapter
from omni_actors.gateway.hooks import Hook
from omni_actors.gateway.mail_session import OpenSession
from omni_actors.gateway.pacing import Pacing
from omni_actors.gateway.sender import Hands, Route
from omni_actors.media.blobs import Blobs
from omni_actors.model.mail_templates import MailTemplate
from omni_actors.net.imap import open_mailbox
from omni_actors.policy import window
from omni_actors.policy.routing import ConsumerRule
from omni_actors.store.contract import Store
from omni_actors.store.rows import Channel
from omni_actors.store.verbs import ChannelSpec, Retention


@frozen
class Plan:
    """What the config asks of the house; a reload brings another one."""

    channels: tuple[ChannelSpec, ...]
    pacing: Mapping[str, Pacing]
    hooks: Mapping[str, Hook]
    rules: tuple[ConsumerRule, ...] = ()
    bot: str = "echo"  # or "none"
    keep: Retention = field(factory=Retention)
    idle_s: float = 120.0
    unknown_wait_s: Mapping[str, float] = field(factory=dict)  # by platform
    window_closing_s: float = window.CLOSING_BEFORE_S
    apps: Mapping[str, App] = field(factory=dict)
    mail_templates: tuple[MailTemplate, ...] = ()
    public_url: str = ""  # how browsers reach us; empty where nobody knows
    links_url: str = ""  # the same for people, only where the operator has said it


@frozen
class Ground:
    """What the house stands on, built and closed by others."""

    store: Store
    blobs: Blobs
    hands: Hands
    system: System
    clock: Clock
    chance: Random
    adapters: Mapping[str, Adapter[Any, Any]]
    route_of: Callable[[Channel], Route]
    low_on_disk: Callable[[], bool]
    open_mailbox: OpenSession = open_mailbox
