"""What Messenger can carry, as data, with the page that says so."""

from typing import Final

from omni_actors.model.capabilities import Capabilities, Form, Level, Limits

PAGE: Final = "https://developers.facebook.com/docs/messenger-platform/reference/send-api"
WINDOW_S: Final = 24 * 3600.0
MEDIA_KEPT_S: Final = 24 * 3600.0  # no life of an address is promised

CAPABILITIES: Final = Capabilities(
    forms={
        "text": (Form("text", Level.NATIVE, Limits("utf16", text_max=2000, source=PAGE)),),
    },
    window_s=WINDOW_S,
    free_in_closed_window=(),
    receipts=("delivered", "read"),
    media_kept_s=MEDIA_KEPT_S,
)
