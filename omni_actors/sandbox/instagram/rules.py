"""Instagram's names, numbers and codes; both flavours have the same.

Source: developers.facebook.com/documentation/business-messaging/instagram-messaging
"""

from typing import Final

from omni_actors.sandbox.instagram.bodies import check_send
from omni_actors.sandbox.meta.rules import MediaRule, Rules

MIB: Final = 1_048_576
FIELDS: Final = frozenset(
    {
        "comments",
        "live_comments",
        "mentions",
        "message_echoes",
        "message_edit",
        "message_reactions",
        "messages",
        "messaging_handover",
        "messaging_optins",
        "messaging_policy_enforcement",
        "messaging_postbacks",
        "messaging_referral",
        "messaging_seen",
        "standby",
    }
)
INSTAGRAM: Final = Rules(
    name="instagram",
    object="instagram",
    fields=FIELDS,
    mid_prefix="aWdf",
    mid_bytes=96,
    media={
        "image": MediaRule(("image/jpeg", "image/png", "image/gif"), 8 * MIB),
        "audio": MediaRule(
            ("audio/aac", "audio/m4a", "audio/mp4", "audio/wav", "audio/x-m4a", "audio/x-wav"),
            25 * MIB,
        ),
        "video": MediaRule(
            (
                "video/mp4",
                "video/ogg",
                "video/quicktime",
                "video/webm",
                "video/x-msvideo",
                "video/avi",
            ),
            25 * MIB,
        ),
        "file": MediaRule(("application/pdf",), 25 * MIB),
    },
    check_send=check_send,
    outside_window=(10, 2534022),
    nobody=(100, 2534014),
    bad_message=(100, 2534015),
    not_owner=(100, 2534037),
    too_fast=(613, 2534040),
    over_budget=80002,
    echo_field="messages",
    texts_per_s=100,
    profile_keys=frozenset({"ice_breakers", "persistent_menu"}),
    inbox_app_id="1217981644879628",
    referral_field="messaging_referral",
    reads_by_mid=True,
)
