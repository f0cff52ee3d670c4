"""What Instagram can carry, as data, with the page that says so."""

from typing import Final

from omni_actors.model.capabilities import Capabilities, Form, Level, Limits

PAGE: Final = "https://developers.facebook.com/documentation/business-messaging/instagram-messaging/features/send-message"
WINDOW_S: Final = 24 * 3600.0
MEDIA_KEPT_S: Final = 24 * 3600.0  # no life of an address is promised

CAPABILITIES: Final = Capabilities(
    forms={
        "text": (Form("text", Level.NATIVE, Limits("utf8", text_max=1000, source=PAGE)),),
    },
    window_s=WINDOW_S,
    free_in_closed_window=(),
    receipts=("read",),
    media_kept_s=MEDIA_KEPT_S,
)
