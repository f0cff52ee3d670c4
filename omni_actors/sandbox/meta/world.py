"""Everything of Meta that Messenger and Instagram have in common: accounts, people, tokens."""

from typing import Any

from attrs import define, evolve, field

from omni_actors.sandbox.contract import ControlError, Stage
from omni_actors.sandbox.meta.channel import Channel, Person
from omni_actors.sandbox.meta.login import Login
from omni_actors.sandbox.meta.media import Shelf
from omni_actors.sandbox.meta.office import Office
from omni_actors.sandbox.meta.rules import Rules
from omni_actors.sandbox.meta.settings import InstagramAccount, MessengerAccount, MetaAccount
from omni_actors.sandbox.meta.tokens import (
    FACEBOOK_SCOPES,
    INSTAGRAM_SCOPES,
    LONG_LIFE_S,
    Token,
    TokenBook,
)


@define(eq=False)
class World:
    """The state of both platforms. Ids of Pages and of Instagram accounts never meet."""

    stage: Stage
    channels: dict[str, Channel] = field(factory=dict)
    pages: dict[str, MessengerAccount] = field(factory=dict)
    profiles: dict[str, InstagramAccount] = field(factory=dict)
    book: TokenBook = field(init=False)
    login: Login = field(init=False)
    office: Office = field(init=False)
    shelf: Shelf = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.book = TokenBook(self.stage.chance)
        self.login = Login(self.stage, self.book, self.pages, self.profiles)
        self.office = Office(self.stage, self.channels)
        key = self.stage.chance.randbytes(16)
        self.shelf = Shelf(self.stage.settings.media_bytes_max, key, self.stage.url)

    def open_account(self, account: MetaAccount, rules: Rules) -> None:
        """Connect one more account. Raises ControlError for an id that is taken."""
        if account.channel_key in self.channels:
            raise ControlError(f"there already is an account {account.channel_key}")
        self._know(account)
        self.begin(account, rules)

    def _know(self, account: MetaAccount) -> None:
        if isinstance(account, MessengerAccount):
            self.pages[account.page_id] = account
        else:
            self.profiles[account.ig_id] = account

    def begin(self, account: MetaAccount, rules: Rules) -> None:
        """An account that nothing has happened to yet, and its token."""
        self.channels[account.channel_key] = Channel(self.stage, account, rules)
        self.give_token(account, account.access_token)

    def give_token(self, account: MetaAccount, value: str) -> None:
        """A token of an account, as if it had been connected just now."""
        own = isinstance(account, InstagramAccount) and account.has_own_login
        now = self.stage.clock.now()
        known = self.book.tokens.get(value)
        if known is not None and known.dead is None:
            return
        self.book.add(
            Token(
                value=value,
                kind="INSTAGRAM" if own else "PAGE",
                app_id=account.app_id,
                user_id=owner_of(account),
                profile_id=account.channel_key if own else account.page_id,
                issued_at=now,
                expires_at=now + LONG_LIFE_S if own else None,
                scopes=INSTAGRAM_SCOPES if own else FACEBOOK_SCOPES,
            )
        )

    def renew_token(self, channel: Channel, value: str) -> None:
        """Take this token from now on, and none of those before."""
        for token in self.book.of_profile(channel.graph_id):
            token.dead = 467
        self.book.tokens.pop(value, None)
        for each in self.channels.values():
            if each.graph_id == channel.graph_id:
                each.account = evolve(each.account, access_token=value)
                self._know(each.account)
        self.give_token(channel.account, value)

    def person(self, channel: Channel, person_id: str) -> Person:
        """The person of this id, who may be a stranger. Raises ControlError.

        A Page and the Instagram account behind it never share an id: calls to the Page would not
        say who of the two is meant.
        """
        for other in self.channels.values():
            same = channel.page_id is not None and other.page_id == channel.page_id
            if same and other is not channel and person_id in other.people:
                where = f"{other.rules.name} {other.key}"
                raise ControlError(f"{person_id} is somebody of {where}: give another id")
        return channel.person(person_id)

    def app_secrets(self) -> dict[str, str]:
        """Every app and its secret."""
        return {**self.login.facebook_apps(), **self.login.instagram_apps()}

    def linked(self, page_id: str) -> InstagramAccount | None:
        """The Instagram account behind a Page."""
        behind = (one for one in self.profiles.values() if not one.has_own_login)
        return next((one for one in behind if one.page_id == page_id), None)

    def page_listing(self, user: Token) -> list[dict[str, Any]]:
        """The Pages that a person's token reaches, as `me/accounts` lists them."""
        if "pages_show_list" not in user.scopes:
            return []
        return [self._page(user, key) for key in user.targets if key in self.pages]

    def _page(self, user: Token, page_id: str) -> dict[str, Any]:
        page: dict[str, Any] = {
            "id": page_id,
            "name": self.pages[page_id].name,
            "access_token": self.login.page_token(user, page_id),
            "category": "Shop",
            "category_list": [{"id": "2214", "name": "Shop"}],
            "tasks": ["MODERATE", "MESSAGING", "ANALYZE"],
        }
        behind = self.linked(page_id)
        if behind is not None and "instagram_basic" in user.scopes:
            facts = {"id": behind.ig_id, "username": behind.username, "name": behind.name}
            page["instagram_business_account"] = facts
        return page

    def forget(self) -> None:
        """Forget everything but the accounts."""
        self.book.tokens.clear()
        self.login.codes.clear()
        self.office.app_fields.clear()
        self.shelf.clear()
        for channel in list(self.channels.values()):
            self.begin(channel.account, channel.rules)


def owner_of(account: MetaAccount) -> str:
    """The person who connected an account, as its app knows them."""
    if isinstance(account, InstagramAccount) and account.has_own_login:
        return account.app_scoped_id
    return account.owner_id
