"""Whose credential goes on a call, and to which hosts it may go."""

from collections.abc import Set

from attrs import field, frozen


@frozen
class Account:
    """A channel's or an app's credential as the network needs it. Nothing of it is ever printed.

    `hosts` are the `host` or `host:port` that may see the token; over TLS only, loopback excepted.
    A host without a port stands for the usual port of the scheme, and for no other.
    """

    channel_id: str
    token: str = field(repr=False)
    app_secret: str | None = field(default=None, repr=False)
    app_id: str | None = None
    code: str | None = field(default=None, repr=False)
    verifier: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    hosts: frozenset[str] = frozenset()

    def admits(self, names: Set[str]) -> bool:
        """Whether a host that has these names, all in lower case, may see the credential."""
        return not names.isdisjoint([host.lower() for host in self.hosts])
