"""One WhatsApp number of the sandbox, and the templates its account has approved."""

from typing import ClassVar

from attrs import field, frozen


@frozen
class Template:
    """One approved template. Variables in `body` are `{{1}}` or `{{name}}`."""

    name: str
    language: str
    body: str
    category: str = "UTILITY"
    header: str | None = None
    """`TEXT:…`, `IMAGE`, `VIDEO`, `DOCUMENT`, `LOCATION`, or None."""
    footer: str | None = None
    buttons: tuple[str, ...] = ()
    """`QUICK_REPLY:label` or `URL:label:address`; an address with `{{1}}` takes one parameter."""


SAMPLE_TEMPLATES = (
    Template("hello_world", "en_US", "Welcome and congratulations!", header="TEXT:Hello World"),
    Template("order_ready", "en_GB", "Hi {{1}}, order {{2}} is ready to collect."),
    Template(
        "order_shipped",
        "en_GB",
        "Hi {{1}}, order {{2}} is on its way.",
        header="IMAGE",
        buttons=("QUICK_REPLY:Thanks", "URL:Track:https://shop.example/t/{{1}}"),
    ),
    Template("appointment", "en_GB", "Dear {{first_name}}, we expect you at {{time}} sharp."),
    Template("autumn_sale", "en_GB", "Hi {{1}}, all teas are half price.", category="MARKETING"),
    Template(
        "otp_v1",
        "en_GB",
        "{{1}} is your code.",
        category="AUTHENTICATION",
        buttons=("URL:Copy code:https://www.whatsapp.com/otp/code/?code={{1}}",),
    ),
)


@frozen
class WhatsAppAccount:
    """One business number; the defaults are those of the sample configuration."""

    platform: ClassVar[str] = "whatsapp"

    phone_number_id: str = "770011223344556"
    display_number: str = "442079460100"
    waba_id: str = "900100200300400"
    app_id: str = "70001"
    access_token: str = field(default="sandbox-token", repr=False)
    app_secret: str = field(default="sandbox-secret", repr=False)
    verify_token: str = field(default="sandbox-verify", repr=False)
    hook_url: str | None = None
    verified_name: str = "Sandbox"
    require_proof: bool = False
    """Demand `appsecret_proof` on every call."""
    templates: tuple[Template, ...] = SAMPLE_TEMPLATES

    @property
    def channel_key(self) -> str:
        """The phone number id."""
        return self.phone_number_id
