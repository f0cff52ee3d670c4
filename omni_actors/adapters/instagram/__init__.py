"""Instagram messages, over Instagram Login or Facebook Login."""

from typing import Final

from omni_actors.adapters.contract import Adapter
from omni_actors.adapters.instagram.capabilities import CAPABILITIES
from omni_actors.adapters.instagram.check import check
from omni_actors.adapters.instagram.doctor import doctor
from omni_actors.adapters.instagram.history import HISTORY
from omni_actors.adapters.instagram.inbound import parse
from omni_actors.adapters.instagram.oauth import OAUTH, UPKEEP
from omni_actors.adapters.instagram.outbound import (
    mark_read,
    send,
    stop_typing,
    typing,
    upload,
)
from omni_actors.adapters.instagram.portrait import portrait
from omni_actors.adapters.instagram.profile import PROFILE
from omni_actors.adapters.instagram.settings import (
    InstagramCredentials,
    InstagramSettings,
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

INSTAGRAM: Final = Adapter(
    platform="instagram",
    settings=InstagramSettings,
    credentials=InstagramCredentials,
    capabilities=CAPABILITIES,
    rate=rates.INSTAGRAM,
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
    profile=PROFILE,
    portrait=portrait,
    control=CONTROL,
    forbids=forbids,
    meters=rates.METERS,
)
