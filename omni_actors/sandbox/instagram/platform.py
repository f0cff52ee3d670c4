"""The pretend Instagram."""

from omni_actors.sandbox.instagram.rules import INSTAGRAM
from omni_actors.sandbox.meta.platform import MetaPlatform
from omni_actors.sandbox.meta.world import World


def instagram(world: World) -> MetaPlatform:
    """All Instagram accounts of one sandbox, of both flavours."""
    return MetaPlatform(world, INSTAGRAM, answers_calls=False)
