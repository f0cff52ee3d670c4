"""What is the same whichever way a mail came."""

from hashlib import sha256
from typing import Final

from omni_actors.adapters.email.mime import Parsed

TOLD: Final = ("message-id", "date", "from", "subject")


def event_key(parsed: Parsed) -> str:
    """The key under which a mail is news only once: by hook, by IMAP, or when a mailbox is rebuilt.

    It leaves out what servers add on the way. Ids alone would not do: some programs use one for
    several mails. What has no id, such as a device's mails that are all alike, is told apart by
    when the first server got it.
    """
    headers = parsed.headers
    told = [headers.raw(name) or b"" for name in TOLD]
    hops = [value for name, value in headers.fields if name == "received"]
    if not told[0] and hops:
        told.append(hops[-1])
    body = parsed.raw[parsed.root.start : parsed.root.end].replace(b"\r\n", b"\n").rstrip(b"\r\n")
    return "mail:" + sha256(b"\0".join([*told, body])).hexdigest()
