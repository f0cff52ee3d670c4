"""How an account, its token and its app stand with Meta; the control API makes them worse."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field

from omni_actors.sandbox.contract import ControlError


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number_or_none(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_word_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


KEYS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "subscribed": (_is_bool, "true or false"),
    "fields": (_are_words, "a list of webhook fields"),
    "app_fields": (_are_words, "a list of webhook fields"),
    "token_subcode": (_is_number_or_none, "a subcode of error 190, or null for a good token"),
    "token_expires_in_s": (_is_number_or_none, "seconds, or null for never"),
    "token_age_s": (_is_number_or_none, "seconds since the token was given out"),
    "scopes": (_are_words, "a list of permissions"),
    "human_agent": (_is_bool, "true or false"),
    "message_access": (_is_bool, "true or false"),
    "linked": (_is_bool, "true or false"),
    "restricted": (_is_bool, "true or false"),
    "default_app": (_is_word_or_none, "an app id, or null for no conversation routing"),
    "echo_app_id": (_is_bool, "true or false"),
    "ad_window_h": (_is_number_or_none, "hours"),
    "timestamps": (lambda value: value in ("ms", "s", "text"), "ms, s or text"),
}


@define(eq=False)
class Standing:
    """One account as its platform sees it."""

    subscribed: bool = True
    fields: list[str] = field(factory=list)
    """What the account's installation of the app wants told; Messenger only."""
    token_subcode: int | None = None
    token_expires_in_s: float | None = None
    token_age_s: float | None = None
    scopes: list[str] = field(factory=list)
    human_agent: bool = True
    """Whether the app has the Human Agent feature."""
    message_access: bool = True
    """Whether the owner of an Instagram account lets apps have its messages."""
    linked: bool = True
    """Whether the Page is linked to the Instagram account."""
    restricted: bool = False
    default_app: str | None = None
    """The app that has new and idle threads; None: conversation routing is off."""
    echo_app_id: bool = True
    ad_window_h: float = 24
    timestamps: str = "ms"
    failing_since: float | None = None
    """Since when the hook has not said 200."""

    def change(self, document: Mapping[str, Any], known_fields: frozenset[str]) -> None:
        """Set what a control document says, all or nothing. Raises ControlError."""
        for key, value in document.items():
            if key not in KEYS:
                raise ControlError(f"a standing has no `{key}`; there is {', '.join(KEYS)}")
            is_right, words = KEYS[key]
            if not is_right(value):
                raise ControlError(f"`{key}` must be {words}")
            if key in ("fields", "app_fields") and (unknown := set(value) - known_fields):
                raise ControlError(f"there is no webhook field {min(unknown)}")
        for key, value in document.items():
            if key != "app_fields":
                setattr(self, key, value)

    def document(self) -> dict[str, Any]:
        """As the control API shows it."""
        shown = {key: getattr(self, key) for key in KEYS if key != "app_fields"}
        return {**shown, "failing_since": self.failing_since}
