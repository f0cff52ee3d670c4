"""Platforms, one folder each, as records of pure functions; and the registries of all kinds.

A fifth platform is one folder here, one sandbox file and one line below.
"""

from typing import Any, Final

from omni_actors.adapters.connecting import AppKind
from omni_actors.adapters.contract import Adapter, HookKind
from omni_actors.adapters.email import EMAIL
from omni_actors.adapters.email import apps as mail_apps
from omni_actors.adapters.instagram import INSTAGRAM
from omni_actors.adapters.messenger import MESSENGER
from omni_actors.adapters.meta import apps
from omni_actors.adapters.meta.hook import META
from omni_actors.adapters.mime import MIME
from omni_actors.adapters.whatsapp import WHATSAPP

ADAPTERS: Final[dict[str, Adapter[Any, Any]]] = {
    each.platform: each for each in (EMAIL, INSTAGRAM, MESSENGER, WHATSAPP)
}
HOOK_KINDS: Final[dict[str, HookKind[Any]]] = {each.kind: each for each in (META, MIME)}
APP_KINDS: Final[dict[str, AppKind[Any, Any]]] = {
    each.kind: each
    for each in (apps.FACEBOOK, apps.INSTAGRAM, mail_apps.GOOGLE, mail_apps.MICROSOFT)
}
