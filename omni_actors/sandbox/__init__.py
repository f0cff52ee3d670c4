"""Pretend platforms over real sockets, for the demo, the tests and the bench.

Anything may be imported here, and no product room imports it. A platform is one entry of
`registry.platforms`; the server, the hooks, the faults and the control API are shared.
"""

from omni_actors.sandbox.contract import SandboxSettings
from omni_actors.sandbox.email.settings import EmailAccount
from omni_actors.sandbox.meta.settings import INSTAGRAM_LOGIN, InstagramAccount, MessengerAccount
from omni_actors.sandbox.registry import describe, open_sandbox, serve_sandbox
from omni_actors.sandbox.stage import Sandbox
from omni_actors.sandbox.whatsapp.settings import Template, WhatsAppAccount

__all__ = [
    "INSTAGRAM_LOGIN",
    "EmailAccount",
    "InstagramAccount",
    "MessengerAccount",
    "Sandbox",
    "SandboxSettings",
    "Template",
    "WhatsAppAccount",
    "describe",
    "open_sandbox",
    "serve_sandbox",
]
