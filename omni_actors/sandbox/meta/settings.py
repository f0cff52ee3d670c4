"""Pages and Instagram accounts of the sandbox, and the Meta apps they are connected to."""

from typing import ClassVar

from attrs import field, frozen
from attrs.validators import in_

FACEBOOK_LOGIN = "facebook_login"
INSTAGRAM_LOGIN_FLAVOUR = "instagram_login"
OWNER_ID = "10150000000000042"


@frozen
class UtilityTemplate:
    """An approved utility template of a Page; variables in `body` are `{{1}}`."""

    name: str
    language: str
    body: str


SAMPLE_UTILITY = (
    UtilityTemplate("order_shipped", "en_US", "Your order {{1}} is on its way."),
    UtilityTemplate("appointment", "en_GB", "{{1}}, we expect you at {{2}}."),
)


@frozen
class MessengerAccount:
    """One Page; the defaults are those of the sample account."""

    platform: ClassVar[str] = "messenger"

    page_id: str = "104500000000001"
    name: str = "Sandbox Tea"
    app_id: str = "70001"
    access_token: str = field(default="sandbox-page-token", repr=False)
    app_secret: str = field(default="sandbox-secret", repr=False)
    verify_token: str = field(default="sandbox-verify", repr=False)
    hook_url: str | None = None
    require_proof: bool = False
    """Demand `appsecret_proof` on every call."""
    subscribed: bool = True
    """Whether the app is installed on the Page from the start."""
    owner_id: str = OWNER_ID
    """The person who may connect it."""
    utility: tuple[UtilityTemplate, ...] = SAMPLE_UTILITY

    @property
    def channel_key(self) -> str:
        """The Page's id."""
        return self.page_id


@frozen
class InstagramAccount:
    """One professional account; the defaults are those of the sample account of a Page.

    With the flavour `facebook_login` it is used with the token of its Page; with
    `instagram_login` it has a token of its own, and its app is an Instagram app.
    """

    platform: ClassVar[str] = "instagram"

    ig_id: str = "17841400000000009"
    username: str = "sandbox.tea"
    name: str = "Sandbox Tea"
    flavour: str = field(
        default=FACEBOOK_LOGIN, validator=in_((FACEBOOK_LOGIN, INSTAGRAM_LOGIN_FLAVOUR))
    )
    page_id: str = "104500000000001"
    """The Page it is linked to; means nothing with Instagram Login."""
    app_id: str = "70001"
    access_token: str = field(default="sandbox-page-token", repr=False)
    app_secret: str = field(default="sandbox-secret", repr=False)
    verify_token: str = field(default="sandbox-verify", repr=False)
    hook_url: str | None = None
    require_proof: bool = False
    subscribed: bool = True
    owner_id: str = OWNER_ID
    posts: tuple[str, ...] = ("18139400000000001",)
    """Its own posts, which it may share."""
    flat_token_answer: bool = False
    """Answer a code with one object in place of a `data` list, which is seen too."""

    @property
    def channel_key(self) -> str:
        """The id of the professional account, as webhooks and paths have it."""
        return self.ig_id

    @property
    def has_own_login(self) -> bool:
        """Whether it is connected through Instagram Login."""
        return self.flavour == INSTAGRAM_LOGIN_FLAVOUR

    @property
    def app_scoped_id(self) -> str:
        """The id that an app of Instagram Login knows its owner by."""
        return f"2{self.ig_id[1:]}"


INSTAGRAM_LOGIN = InstagramAccount(
    ig_id="17841400000000017",
    username="sandbox.coffee",
    name="Sandbox Coffee",
    flavour=INSTAGRAM_LOGIN_FLAVOUR,
    page_id="",
    app_id="70011",
    access_token="sandbox-instagram-token",
    app_secret="sandbox-instagram-secret",
)

MetaAccount = MessengerAccount | InstagramAccount
