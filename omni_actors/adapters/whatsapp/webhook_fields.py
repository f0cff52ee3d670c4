"""Which webhooks an app is sent, and whether they come to a hook of ours that believes them.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
"""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from omni_actors.adapters.contract import Checked, OurHook
from omni_actors.adapters.reading import mapping, sequence, text
from omni_actors.model.json import JsonObject

OBJECT: Final = "whatsapp_business_account"
KIND: Final = "meta"
DASHBOARD: Final = "the App Dashboard, under WhatsApp > Configuration"

MESSAGES: Final = "messages"
# What an operator or a bot acts on besides messages and their statuses.
NEWS: Final = frozenset(
    {
        "account_alerts",
        "account_review_update",
        "account_update",
        "business_capability_update",
        "business_username_updates",
        "calls",
        "flows",
        "group_lifecycle_update",
        "group_participants_update",
        "group_settings_update",
        "group_status_update",
        "message_template_components_update",
        "message_template_quality_update",
        "message_template_status_update",
        "phone_number_name_update",
        "phone_number_quality_update",
        "security",
        "template_category_update",
        "user_id_update",
        "user_preferences",
    }
)
# What comes only of a number that is in the WhatsApp Business app too.
ECHOES: Final = "smb_message_echoes"
COEXISTENCE: Final = frozenset({ECHOES, "smb_app_state_sync", "history"})


@frozen
class AppWebhooks:
    """What an app is subscribed to, and where that goes; no URL where nothing was entered."""

    url: str | None = None
    fields: frozenset[str] = frozenset()

    def lacks(self, wanted: frozenset[str]) -> bool:
        """Whether one of these fields is not subscribed."""
        return not wanted <= self.fields


def wanted_fields(coexists: bool) -> frozenset[str]:
    """Every field whose news somebody acts on."""
    return NEWS | {MESSAGES} | (COEXISTENCE if coexists else frozenset())


def app_webhooks(answer: JsonObject) -> AppWebhooks:
    """Read an app's subscriptions.

    https://developers.facebook.com/docs/graph-api/webhooks/subscriptions-edge
    """
    for each in map(mapping, sequence(answer.get("data"))):
        if text(each.get("object")) == OBJECT:
            sleeping = each.get("active") is False
            fields = () if sleeping else sequence(each.get("fields"))
            told = (text(mapping(one).get("name")) or text(one) for one in fields)
            return AppWebhooks(text(each.get("callback_url")), frozenset(filter(None, told)))
    return AppWebhooks()


def field_findings(seen: AppWebhooks, coexists: bool) -> Iterator[Checked]:
    """Whether the app is sent what the gateway reads."""
    how = f"subscribe the fields in {DASHBOARD}, or with --subscribe"
    needed = {MESSAGES, ECHOES} if coexists else {MESSAGES}
    without = sorted(needed - seen.fields)
    if without:
        lost = (
            "no message comes in" if MESSAGES in without else "what is typed on the phone is lost"
        )
        listed = ", ".join(without)
        yield Checked("fields", False, f"the app does not get {listed}, so that {lost}; {how}")
    else:
        yield Checked("fields", True, f"the app gets {' and '.join(sorted(needed))}")
    if more := sorted(wanted_fields(coexists) - seen.fields - needed):
        yield Checked(
            "fields", None, f"the app does not get {', '.join(more)}; to have this news, {how}"
        )


def hook_to_subscribe(seen: AppWebhooks, hooks: Sequence[OurHook]) -> OurHook | Checked:
    """The hook that the app's webhooks may be pointed at; a finding where that is not ours to say.

    What goes elsewhere today stays there: another program may live on it.
    """
    ours = [hook for hook in hooks if hook.kind == KIND]
    if seen.url is not None:
        ours = [hook for hook in ours if hook.url == seen.url]
        if not ours:
            why = f"the app's webhooks go to {seen.url}, which is left alone"
            return Checked("subscribe", False, f"{why}; change it in {DASHBOARD}")
    ours = [hook for hook in ours if hook.signed] or ours
    if len(ours) == 1:
        return ours[0]
    how = "add one to the config" if not ours else f"enter one of them in {DASHBOARD}"
    count = "no hook" if not ours else "several hooks"
    return Checked("subscribe", False, f"the config has {count} of kind {KIND}; {how}")


def callback_finding(effective: tuple[str, str] | None, hooks: Sequence[OurHook]) -> Checked:
    """Whether the number's webhooks go to a hook of this config."""
    ours = {hook.url: hook.id for hook in hooks if hook.kind == KIND}
    if not ours:
        how = f'add one: [[hooks]] with an id and kind = "{KIND}"'
        return Checked("callback", False, f"the config has no hook of kind {KIND}; {how}")
    wanted = " or ".join(ours)
    if effective is None:
        why = "where the webhooks go cannot be seen"
        enter = f"in {DASHBOARD}, the callback URL must be {wanted}, with the hook's verify_token"
        return Checked("callback", None, f"{why}; {enter}")
    url, level = effective
    if url in ours:
        return Checked("callback", True, f"the webhooks go to {url}, which is hook {ours[url]}")
    if level == "application":
        how = f"enter {wanted} and the hook's verify_token in {DASHBOARD}"
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
