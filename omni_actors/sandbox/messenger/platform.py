"""The pretend Messenger."""

from omni_actors.sandbox.messenger.rules import MESSENGER
from omni_actors.sandbox.meta.platform import MetaPlatform
from omni_actors.sandbox.meta.world import World


def messenger(world: World) -> MetaPlatform:
    """All Pages of one sandbox; it answers the calls of Instagram too, for they are one Graph."""
    return MetaPlatform(world, MESSENGER, answers_calls=True)
