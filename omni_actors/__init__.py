"""omni-actors: a self-hosted omnichannel messaging gateway.

Rooms, from the ground up: `model` (nouns), `policy` and `wire` (decisions, protocols) and
`adapters` (platforms) are pure; `actors` is the runtime, `store`, `media` and `net` are the hands
that touch the world; `gateway` is life; `api` is the door; `app`, `cli` and `config` build it all.
Imports point down only, and `tests/test_rooms.py` holds the map.
"""

__version__ = "0.1.0"
