"""Instagram messages, over Instagram Login or Facebook Login."""

from typing import Final

from omni_actors.adapters.contract import Adapter, RateDefault
from omni_actors.adapters.instagram.capabilities import CAPABILITIES
from omni_actors.adapters.instagram.inbound import parse
from omni_actors.adapters.instagram.outbound import send
from omni_actors.adapters.instagram.settings import (
    InstagramCredentials,
    InstagramSettings,
    address,
    channel_key,
    token,
    token_hosts,
)
from omni_actors.adapters.meta.graph import usage
from omni_actors.adapters.meta.media import fetch

INSTAGRAM: Final = Adapter(
    platform="instagram",
    settings=InstagramSettings,
    credentials=InstagramCredentials,
    capabilities=CAPABILITIES,
    rate=RateDefault(per_second=40.0, burst=8),
    pair_rate=None,
    channel_key=channel_key,
    address=address,
    parse=parse,
    send=send,
    fetch=fetch,
    token=token,
    token_hosts=token_hosts,
    usage=usage,
)
