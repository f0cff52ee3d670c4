"""What the door is told: bounds of size, time and number."""

import secrets
from collections.abc import Callable

from attrs import frozen

from omni_actors import __version__


def new_request_id() -> str:
    """A name for one request, to find it in the logs."""
    return "req_" + secrets.token_hex(12)


@frozen
class ApiSettings:
    """Bounds of the door; bytes and seconds.

    `body_timeout_s` bounds the wait for each next piece of a body, `hook_timeout_s` the reading of
    a whole hook body. `hook_bytes_max` bounds all hook bodies together, `hooks_max` the hook
    requests that are worked on at once.
    """

    public_url: str = ""
    json_bytes_max: int = 1024 * 1024
    media_bytes_max: int = 100 * 1024 * 1024
    header_bytes_max: int = 16 * 1024
    url_bytes_max: int = 8 * 1024
    body_timeout_s: float = 30.0
    hook_timeout_s: float = 20.0
    hook_bytes_max: int = 256 * 1024 * 1024
    hooks_max: int = 1024
    live_max: int = 1000
    version: str = __version__
    request_id: Callable[[], str] = new_request_id
