"""How fast pages and accounts may send, as data.

What the platform allows is in the comments; we keep below. It says of more than 40 messages a
second that the inbox stops showing them.
https://developers.facebook.com/documentation/business-messaging/messenger-platform/overview/rate-limiting
"""

from typing import Final

from omni_actors.adapters.contract import Meter, RateDefault
from omni_actors.adapters.meta.people import COMMENT, POST

# 300 a second for texts, and 40 before the inbox suffers.
MESSENGER: Final = RateDefault(per_second=36.0, burst=4)
# One page says 300 a second, two say 100.
INSTAGRAM: Final = RateDefault(per_second=90.0, burst=10)
# No number is given for one conversation; more than three a second is taken for a flood.
PAIR: Final = RateDefault(per_second=3.0, burst=3)
# 10 a second.
MEDIA: Final = Meter("audio and video", RateDefault(per_second=8.0, burst=2), ("audio", "video"))
# 750 in an hour; on live broadcasts 100 a second, which the rate of the account keeps below.
PRIVATE: Final = Meter(
    "private replies", RateDefault(per_second=700 / 3600, burst=50), addresses=(COMMENT, POST)
)
METERS: Final = (MEDIA, PRIVATE)
# 10 in ten minutes.
PROFILE: Final = RateDefault(per_second=5 / 600, burst=5)
# 2 a second for reading conversations.
HISTORY: Final = RateDefault(per_second=1.6, burst=1)
