"""Facebook Messenger, over the Send API."""

from typing import Final

from omni_actors.adapters.contract import Adapter
from omni_actors.adapters.messenger.capabilities import CAPABILITIES
from omni_actors.adapters.messenger.check import check
from omni_actors.adapters.messenger.doctor import doctor
from omni_actors.adapters.messenger.history import HISTORY
from omni_actors.adapters.messenger.inbound import parse
from omni_actors.adapters.messenger.oauth import OAUTH, UPKEEP
from omni_actors.adapters.messenger.outbound import (
    mark_read,
    send,
    stop_typing,
    typing,
    upload,
)
from omni_actors.adapters.messenger.portrait import portrait
from omni_actors.adapters.messenger.profile import PERSONAS, PROFILE
from omni_actors.adapters.messenger.settings import (
    MessengerCredentials,
    MessengerSettings,
    address,
    channel_key,
    token,
    token_hosts,
)
from omni_actors.adapters.meta import rates
from omni_actors.adapters.meta.graph import usage
from omni_actors.adapters.meta.media import fetch
from omni_actors.adapters.meta.routing import CONTROL
from omni_actors.adapters.meta.sending import forbids
from omni_actors.adapters.meta.upload import upload_gone

MESSENGER: Final = Adapter(
    platform="messenger",
    settings=MessengerSettings,
    credentials=MessengerCredentials,
    capabilities=CAPABILITIES,
    rate=rates.MESSENGER,
    pair_rate=rates.PAIR,
    channel_key=channel_key,
    address=address,
    parse=parse,
    send=send,
    fetch=fetch,
    token=token,
    token_hosts=token_hosts,
    upload=upload,
    upload_gone=upload_gone,
    usage=usage,
    oauth=OAUTH,
    upkeep=UPKEEP,
    check=check,
    doctor=doctor,
    history=HISTORY,
    mark_read=mark_read,
    typing=typing,
    stop_typing=stop_typing,
    personas=PERSONAS,
    profile=PROFILE,
    portrait=portrait,
    control=CONTROL,
    forbids=forbids,
    meters=rates.METERS,
)
