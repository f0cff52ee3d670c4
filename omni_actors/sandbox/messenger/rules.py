"""Messenger's names, numbers and codes.

Source: developers.facebook.com/documentation/business-messaging/messenger-platform
"""

from typing import Final

from omni_actors.sandbox.messenger.bodies import check_send
from omni_actors.sandbox.meta.rules import MediaRule, Rules

BYTES_MAX: Final = 25 * 1_048_576
FIELDS: Final = frozenset(
    {
        "feed",
        "message_deliveries",
        "message_echoes",
        "message_edits",
        "message_reactions",
        "message_reads",
        "messages",
        "messaging_account_linking",
        "messaging_feedback",
        "messaging_game_plays",
        "messaging_handovers",
        "messaging_optins",
        "messaging_policy_enforcement",
        "messaging_postbacks",
        "messaging_referrals",
        "messenger_template_status_update",
        "response_feedback",
        "send_cart",
        "standby",
    }
)
MESSENGER: Final = Rules(
    name="messenger",
    object="page",
    fields=FIELDS,
    mid_prefix="m_",
    mid_bytes=48,
    media={
        "image": MediaRule(("image/jpeg", "image/png", "image/gif"), BYTES_MAX),
        "audio": MediaRule(("audio/",), BYTES_MAX),
        "video": MediaRule(("video/",), BYTES_MAX),
        "file": MediaRule(("application/", "audio/", "image/", "text/", "video/"), BYTES_MAX),
    },
    check_send=check_send,
    outside_window=(10, 2018278),
    nobody=(100, 2018001),
    bad_message=(100, None),
    not_owner=(2018300, None),
    too_fast=(613, None),
    over_budget=80006,
    echo_field="message_echoes",
    texts_per_s=300,
    profile_keys=frozenset(
        {
            "account_linking_url",
            "commands",
            "get_started",
            "greeting",
            "ice_breakers",
            "persistent_menu",
            "whitelisted_domains",
        }
    ),
    inbox_app_id="263902037430900",
    referral_field="messaging_referrals",
    reads_by_mid=False,
)
