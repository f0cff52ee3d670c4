"""WhatsApp Business, over the Cloud API."""

from typing import Final

from omni_actors.adapters.contract import Adapter, RateDefault
from omni_actors.adapters.meta.graph import usage
from omni_actors.adapters.whatsapp.check import check
from omni_actors.adapters.whatsapp.doctor import doctor
from omni_actors.adapters.whatsapp.groups import GROUPS
from omni_actors.adapters.whatsapp.inbound import names, parse
from omni_actors.adapters.whatsapp.levels import ask_limits
from omni_actors.adapters.whatsapp.limits import CAPABILITIES
from omni_actors.adapters.whatsapp.media import fetch, upload, upload_gone
from omni_actors.adapters.whatsapp.outbound import mark_read, send, typing
from omni_actors.adapters.whatsapp.people import address
from omni_actors.adapters.whatsapp.settings import (
    WhatsAppCredentials,
    WhatsAppSettings,
    channel_key,
    named,
    ties,
    token,
    token_hosts,
)
from omni_actors.adapters.whatsapp.templates import TEMPLATES

# The platform allows 80 a second, which inbound messages share, and one person one in six seconds
# on the long run. https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput
WHATSAPP: Final = Adapter(
    platform="whatsapp",
    settings=WhatsAppSettings,
    credentials=WhatsAppCredentials,
    capabilities=CAPABILITIES,
    rate=RateDefault(per_second=72.0, burst=8),
    pair_rate=RateDefault(per_second=0.16, burst=10, loan_s=5.0),
    channel_key=channel_key,
    address=address,
    parse=parse,
    send=send,
    fetch=fetch,
    token=token,
    token_hosts=token_hosts,
    upload=upload,
    upload_gone=upload_gone,
    ties=ties,
    usage=usage,
    limits=ask_limits,
    mark_read=mark_read,
    typing=typing,
    check=check,
    doctor=doctor,
    names=names,
    named=named,
    templates=TEMPLATES,
    groups=GROUPS,
    masked_keys=("parameters", "pin"),
)
