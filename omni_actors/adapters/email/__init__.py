"""Email, over SMTP and IMAP, or by hook."""

from typing import Final

from omni_actors.adapters.contract import Adapter, MailboxDesk
from omni_actors.adapters.email.addresses import address
from omni_actors.adapters.email.attachments import fetch
from omni_actors.adapters.email.capabilities import CAPABILITIES
from omni_actors.adapters.email.checking import check
from omni_actors.adapters.email.inbound import document, parse
from omni_actors.adapters.email.mime import extract
from omni_actors.adapters.email.oauth import OAUTH
from omni_actors.adapters.email.outbound import ATTEMPT_S, forbids, send
from omni_actors.adapters.email.rates import PLAIN, limits_of, ties
from omni_actors.adapters.email.settings import (
    EmailCredentials,
    EmailSettings,
    channel_key,
    completed,
    folders,
    token,
    token_hosts,
)

EMAIL: Final = Adapter(
    platform="email",
    settings=EmailSettings,
    credentials=EmailCredentials,
    capabilities=CAPABILITIES,
    rate=PLAIN.rate,
    pair_rate=None,
    channel_key=channel_key,
    address=address,
    parse=parse,
    send=send,
    fetch=fetch,
    token=token,
    token_hosts=token_hosts,
    attempt_s=ATTEMPT_S,
    forbids=forbids,
    check=check,
    oauth=OAUTH,
    rate_of=lambda settings: limits_of(settings).rate,
    completed=completed,
    ties=ties,
    mailbox=MailboxDesk(
        server=lambda settings: settings.imap_server,
        folders=folders,
        document=document,
        extract=extract,
    ),
)
