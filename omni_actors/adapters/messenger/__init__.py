"""Facebook Messenger, over the Send API."""

from typing import Final

from omni_actors.adapters.contract import Adapter, RateDefault
from omni_actors.adapters.messenger.capabilities import CAPABILITIES
from omni_actors.adapters.messenger.inbound import parse
from omni_actors.adapters.messenger.outbound import send
from omni_actors.adapters.messenger.settings import (
    MessengerCredentials,
    MessengerSettings,
    address,
    channel_key,
    token,
    token_hosts,
)
from omni_actors.adapters.meta.graph import usage
from omni_actors.adapters.meta.media import fetch

MESSENGER: Final = Adapter(
    platform="messenger",
    settings=MessengerSettings,
    credentials=MessengerCredentials,
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
