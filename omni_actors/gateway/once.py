"""Requests that carry an idempotency key: of one key, one runs at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field

from omni_actors.gateway.errors import Code, RequestError
from omni_actors.gateway.submit import refused
from omni_actors.store.contract import Refused
from omni_actors.store.verbs import Idempotency


@define
class Once:
    """The keys whose requests run just now."""

    _running: set[tuple[str, str]] = field(factory=set)

    @contextmanager
    def run(self, owner: str, key: str | None, fingerprint: str) -> Iterator[Idempotency | None]:
        """Let one request run; None for one without a key.

        Raises RequestError while another with its key runs, and for a key of another request.
        """
        if key is None:
            yield None
            return
        if (owner, key) in self._running:
            raise RequestError(
                Code.IDEMPOTENCY_RUNNING,
                "a request with this Idempotency-Key is still running",
                retry_after_s=1,
            )
        self._running.add((owner, key))
        try:
            yield Idempotency(owner, key, fingerprint)
        except Refused as problem:
            raise refused(problem) from None
        finally:
            self._running.discard((owner, key))
