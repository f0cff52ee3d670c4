"""What else than a person's own id a message can go to: a comment, a handle, a token.

https://developers.facebook.com/docs/messenger-platform/reference/send-api#recipient
"""

from typing import Final

from omni_actors.adapters.meta.people import USER_REF

COMMENT_ID: Final = "comment_id"
POST_ID: Final = "post_id"
ONE_TIME: Final = "one_time_notif_token"
NOTIFICATIONS: Final = "notification_messages_token"
# The keys of a `recipient` besides `id`, best first.
RECIPIENTS: Final = (USER_REF, COMMENT_ID, POST_ID, ONE_TIME, NOTIFICATIONS)
# Each of these is good for what it is given for, whatever the reply window.
WINDOWLESS: Final = (COMMENT_ID, POST_ID, ONE_TIME, NOTIFICATIONS)
