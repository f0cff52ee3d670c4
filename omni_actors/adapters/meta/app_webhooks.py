"""Which webhooks an app is sent, and whether they come to a hook of ours that believes them.

The fields of an account are chosen for its app first: what that does not order, nobody is sent.
https://developers.facebook.com/docs/graph-api/webhooks/subscriptions-edge
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from omni_actors.adapters.contract import Checked, OurHook
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.model.json import JsonObject
from omni_actors.wire.calls import Auth, HttpCall

KIND: Final = "meta"


@frozen
class Place:
    """What an app is told of: the webhooks' `object`, and where a person chooses its fields."""

    object: str
    dashboard: str


@frozen
class AppWebhooks:
    """What an app is subscribed to, and where that goes; no URL where nothing was entered."""

    url: str | None = None
    fields: frozenset[str] = frozenset()

    def lacks(self, wanted: frozenset[str]) -> bool:
        """Whether one of these fields is not subscribed."""
        return not wanted <= self.fields


def asking(url: str) -> HttpCall:
    """Asks for an app's subscriptions, in the name of the app."""
    return HttpCall("GET", url, Auth.APP, idempotent=True)


def ordering(url: str, place: Place, hook: OurHook, fields: Collection[str]) -> HttpCall:
    """Has an app sent these fields, to a hook that proves itself to the platform before."""
    form = {
        "object": place.object,
        "callback_url": hook.url,
        "verify_token": hook.verify_token or "",
        "fields": ",".join(sorted(fields)),
    }
    return HttpCall("POST", url, Auth.APP, form=form, idempotent=True)


def app_webhooks(answer: JsonObject, place: Place) -> AppWebhooks:
    """Read an app's subscriptions."""
    for each in map(mapping, sequence(answer.get("data"))):
        if text(each.get("object")) == place.object:
            sleeping = each.get("active") is False
            fields = () if sleeping else sequence(each.get("fields"))
            told = (text(mapping(one).get("name")) or text(one) for one in fields)
            return AppWebhooks(text(each.get("callback_url")), frozenset(filter(None, told)))
    return AppWebhooks()


def field_findings(
    seen: AppWebhooks, needed: Sequence[str], more: Sequence[str], place: Place
) -> Iterator[Checked]:
    """Whether the app is sent the fields that are needed, and those that are good to have."""
    how = f"subscribe the fields in {place.dashboard}, or with --subscribe"
    if without := [name for name in needed if name not in seen.fields]:
        why = f"the app itself does not get {', '.join(without)}, so that nobody is told of it"
        yield Checked("fields", False, f"{why}; {how}")
    else:
        yield Checked("fields", True, "the app gets the webhooks that are needed")
    if without := [name for name in more if name not in seen.fields and name not in needed]:
        listed = ", ".join(without)
        yield Checked("fields", None, f"the app does not get {listed}; to have that too, {how}")


def trouble(
    seen: AppWebhooks, needed: Sequence[str], urls: Sequence[str], place: Place
) -> str | None:
    """What of an app's own webhooks keeps ours from coming, in a sentence; None when nothing does.

    Without `urls` nobody knows where ours should go.
    """
    without = ", ".join([name for name in needed if name not in seen.fields])
    elsewhere = bool(urls) and seen.url is not None and seen.url not in urls
    if not without and not elsewhere:
        return None
    wrong = [f"does not order {without}"] if without else []
    wrong += [f"sends its webhooks to {seen.url}"] if elsewhere else []
    address = " or ".join(urls) or "the address of the hook"
    enter = f"enter {address}, its verify_token and the fields in {place.dashboard}"
    return f"The app itself {' and '.join(wrong)}; {enter}."


def hook_to_subscribe(
    seen: AppWebhooks, hooks: Sequence[OurHook], place: Place
) -> OurHook | Checked:
    """The hook that the app's webhooks may be pointed at; a finding where that is not ours to say.

    What goes elsewhere today stays there: another program may live on it.
    """
    ours = [hook for hook in hooks if hook.kind == KIND]
    if seen.url is not None:
        ours = [hook for hook in ours if hook.url == seen.url]
        if not ours:
            why = f"the app's webhooks go to {seen.url}, which is left alone"
            return Checked("subscribe", False, f"{why}; change it in {place.dashboard}")
    ours = [hook for hook in ours if hook.signed] or ours
    if len(ours) == 1:
        return ours[0]
    how = "add one to the config" if not ours else f"enter one of them in {place.dashboard}"
    count = "no hook" if not ours else "several hooks"
    return Checked("subscribe", False, f"the config has {count} of kind {KIND}; {how}")


def callback_finding(
    effective: tuple[str, str] | None, hooks: Sequence[OurHook], place: Place
) -> Checked:
    """Whether webhooks go to a hook of this config; `effective` is where, and who says so."""
    ours = {hook.url: hook.id for hook in hooks if hook.kind == KIND}
    if not ours:
        how = f'add one: [[hooks]] with an id and kind = "{KIND}"'
        return Checked("callback", False, f"the config has no hook of kind {KIND}; {how}")
    wanted = " or ".join(ours)
    if effective is None:
        why = "where the webhooks go cannot be seen"
        enter = (
            f"in {place.dashboard}, the callback URL must be {wanted}, with the hook's verify_token"
        )
        return Checked("callback", None, f"{why}; {enter}")
    url, level = effective
    if url in ours:
        return Checked("callback", True, f"the webhooks go to {url}, which is hook {ours[url]}")
    if level == "application":
        how = f"enter {wanted} and the hook's verify_token in {place.dashboard}"
    else:
        how = f"the {level} overrides the app's callback URL; clear that, or let it be {wanted}"
    why = f"the webhooks go to {url}, which is no hook of this config"
    return Checked("callback", False, f"{why}; {how}, or mend server.public_url")


def hook_findings(
    effective: tuple[str, str] | None, hooks: Sequence[OurHook], *, on_loopback: bool
) -> Iterator[Checked]:
    """Whether the platform can reach our hooks, and whether they know the app's signature."""
    ours = [hook for hook in hooks if hook.kind == KIND]
    used = [hook for hook in ours if effective is not None and hook.url == effective[0]] or ours
    for hook in used:
        if not on_loopback and urlsplit(hook.url).scheme != "https":
            yield Checked(
                "address",
                False,
                f"the platform calls https:// addresses that the world can reach, and {hook.url} "
                "is none; set server.public_url",
            )
    if not used:
        return
    if any(hook.signed for hook in used):
        yield Checked("secret", True, "the hook knows the app secret that signs the webhooks")
    elif all(hook.signed is False for hook in used):
        named = ", ".join(hook.id for hook in used)
        yield Checked(
            "secret",
            False,
            f"the channel's app_secret is not among app_secrets of hook {named}, so that every "
            "webhook would be refused; add it there",
        )
    else:
        why = "whether the hook knows the app secret cannot be seen: the channel has no app_secret"
        yield Checked("secret", None, why)
