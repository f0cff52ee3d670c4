"""Where folders are on servers that keep them under a prefix, or part their levels elsewise."""

import pytest

from omni_actors.wire.imap_spaces import Space, Spaces

USUAL = Spaces((Space("", "/"),))
COURIER = Spaces((Space("INBOX.", "."),), (Space("shared.", "."), Space("#news.", ".")))
CYRUS = Spaces((Space("", "."),), (Space("user.", "."),))
FLAT = Spaces((Space("", None),))


@pytest.mark.parametrize(
    ("spaces", "folder", "full"),
    [
        (Spaces(), "Processed", "Processed"),
        (USUAL, "Support/Processed", "Support/Processed"),
        (USUAL, "INBOX.Processed", "INBOX.Processed"),
        (COURIER, "Processed", "INBOX.Processed"),
        (COURIER, "INBOX.Processed", "INBOX.Processed"),
        (COURIER, "INBOX/Processed", "INBOX.Processed"),
        (COURIER, "Support/Processed", "INBOX.Support.Processed"),
        (COURIER, "Inbox", "Inbox"),
        (COURIER, "shared.Support", "shared.Support"),
        (CYRUS, "Support/Processed", "Support.Processed"),
        (FLAT, "Support/Processed", "Support/Processed"),
    ],
)
def test_a_folder_is_where_the_server_keeps_its_folders(
    spaces: Spaces, folder: str, full: str
) -> None:
    assert spaces.full(folder) == full
    assert spaces.full(full) == full
