"""What an adapter's author says of connecting: how a person lets us use an account, and how that
lasts.

The gateway runs all of it; what is here are pure functions, and flows whose secrets `net` adds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Flow

A = TypeVar("A")
K = TypeVar("K")
S = TypeVar("S")


@frozen
class Tokens:
    """An access token and for how many seconds it is good; None: it does not end by itself.

    `refresh_token` gets the next one, where there is such. `claims` are what the platform said,
    beside the tokens, of the person whose they are (OpenID Connect).
    """

    access_token: str = field(repr=False)
    expires_in_s: float | None = None
    refresh_token: str | None = field(default=None, repr=False)
    claims: JsonObject = field(factory=dict)


@frozen
class Found:
    """An account that the person lets us use.

    `settings` are those of the adapter, without what has a default. `tokens` is None where the
    token in hand is the account's. `obstacle` is None, or says in a sentence why the account cannot
    be connected, and what to do about it.
    """

    channel_key: str
    name: str
    settings: JsonObject
    tokens: Tokens | None = None
    obstacle: str | None = None


@frozen
class Harvest:
    """Who connected, by the names that the platform has for them towards the app, and what."""

    subjects: tuple[str, ...]
    accounts: tuple[Found, ...]


@frozen
class OAuth(Generic[A]):
    """How accounts of a platform are connected through one kind of app (RFC 6749, section 4.1).

    `authorize` is the address to open in a browser, of the app's settings, the redirect address
    and the state. `exchange` redeems the code that came back to that redirect address; `prolong`
    changes the token for one that lives long; `accounts` tells what it opens, by the claims that
    came with it. `refresh` gets fresh tokens for a refresh token; what they say of neither stays as
    it was. With `pkce` the address gets a code challenge, and `exchange` has its verifier.
    The credentials of a platform that connects hold their token as `access_token`, and where there
    is `refresh` also a `refresh_token`. The flows raise SendFailure.
    """

    authorize: Callable[[A, str, str], str]
    exchange: Callable[[A, str], Flow[Tokens]]
    accounts: Callable[[A, JsonObject], Flow[Harvest]]
    prolong: Callable[[A], Flow[Tokens]] | None = None
    refresh: Callable[[A], Flow[Tokens]] | None = None
    pkce: bool = False


@frozen
class AppKind(Generic[A, K]):
    """One kind of app, as developers create them at a platform's owner.

    `settings` and `secrets` are frozen attrs classes decoded from the app's table in the config.
    `secret` is what proves that a call is the app's, `hosts` who may see it. `revoked` reads who
    is meant by a notice of the platform (the fields of its form), None where it is not genuine.
    """

    kind: str
    settings: type[A]
    secrets: type[K]
    app_id: Callable[[A], str]
    secret: Callable[[K], str]
    hosts: Callable[[A], frozenset[str]]
    revoked: Callable[[Mapping[str, str], K], str | None] | None = None


@frozen
class App:
    """An app of the config: its id there, its kind, and instances of the kind's classes."""

    id: str
    kind: AppKind[Any, Any]
    settings: Any
    secrets: Any = field(repr=False)


@frozen
class TokenFacts:
    """What the platform says of a token that is good.

    In unix seconds: when it ends, and from when on it opens nothing more unless the person agrees
    again. `lacking` are rights that the channel needs and the token does not give.
    """

    expires_at: float | None = None
    access_until: float | None = None
    lacking: tuple[str, ...] = ()


@frozen
class Upkeep(Generic[S]):
    """What a channel needs now and then, so that it goes on. The flows raise SendFailure.

    `inspect` asks whether the token is still good. `missing` tells which of the webhooks that we
    need the platform does not send for the account; `subscribe` orders them all, `unsubscribe` has
    it send none any more. `installed` names what they are ordered of, which other channels may
    share. `renews` is the age in seconds from which the token can be changed for a fresh one by
    `renew`; None: never, which is so wherever there is no `renew`. `app_lacks` looks at the app
    itself, in its own name: why webhooks do not come to one of our hooks (their kinds by their
    addresses; none where nobody knows those), in a sentence; None when nothing keeps them from it.
    """

    inspect: Callable[[S], Flow[TokenFacts]]
    missing: Callable[[S], Flow[Sequence[str]]]
    subscribe: Callable[[S], Flow[None]]
    unsubscribe: Callable[[S], Flow[None]]
    installed: Callable[[S], str]
    renews: Callable[[S], float | None] = field(default=lambda _settings: None)
    renew: Callable[[S], Flow[Tokens]] | None = None
    app_lacks: Callable[[S, Mapping[str, str]], Flow[str | None]] | None = None
