"""The names besides its key by which a channel may be meant: its account's, its number's."""

from collections.abc import Sequence

from omni_actors.model.reports import ChannelName
from omni_actors.store.dialect import Writing

TELL = """
    INSERT INTO channel_name (channel_id, kind, platform, name, told)
    SELECT c.id, :kind, c.platform, :name, 1 FROM channel c
    WHERE c.platform = :platform AND c.channel_key = :channel_key AND c.state <> 'removed'
    ON CONFLICT (channel_id, kind) DO UPDATE SET name = excluded.name, told = 1
    WHERE channel_name.name <> excluded.name OR channel_name.told = 0
"""
SAY = """
    INSERT INTO channel_name (channel_id, kind, platform, name, told)
    VALUES (:channel_id, :kind, :platform, :name, 0)
    ON CONFLICT (channel_id, kind) DO UPDATE SET name = excluded.name
    WHERE channel_name.told = 0
"""
FORGET = "DELETE FROM channel_name WHERE channel_id = :channel_id"


def learn_names(db: Writing, platform: str, names: Sequence[ChannelName]) -> bool:
    """Take down names that the platform used; answers whether any of them was new."""
    changed = [
        db.run(TELL, platform=platform, channel_key=n.channel_key, kind=n.kind, name=n.name)
        for n in names
    ]
    return any(changed)


def say_names(db: Writing, channel_id: str, platform: str, names: Sequence[ChannelName]) -> None:
    """Take down the names that the config says; the platform's own word goes before it."""
    for named in names:
        db.run(SAY, channel_id=channel_id, kind=named.kind, platform=platform, name=named.name)


def forget_names(db: Writing, channel_id: str) -> None:
    """The channel is another account from now on."""
    db.run(FORGET, channel_id=channel_id)
