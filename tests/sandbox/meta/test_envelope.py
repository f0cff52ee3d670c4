"""Several events in one webhook."""

import json
from typing import Any

from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.meta.webhooks import envelope


def update(key: str, part: str, value: Any) -> Update:
    return Update(key, "message", {part: value})


def test_neighbours_of_one_account_share_an_entry_and_others_have_their_own() -> None:
    updates = [
        update("1", "messaging", {"n": 1}),
        update("1", "messaging", {"n": 2}),
        update("2", "messaging", {"n": 3}),
        update("2", "standby", {"n": 4}),
        update("2", "changes", {"n": 5}),
        update("2", "flat", {"field": "comments", "value": {"n": 6}}),
        update("2", "entry", {"id": "0", "changes": []}),
    ]

    document = json.loads(envelope(updates, "page", 1_790_000_000.5))

    assert document == {
        "object": "page",
        "entry": [
            {"id": "1", "time": 1790000000500, "messaging": [{"n": 1}, {"n": 2}]},
            {"id": "2", "time": 1790000000500, "messaging": [{"n": 3}]},
            {"id": "2", "time": 1790000000500, "standby": [{"n": 4}]},
            {"id": "2", "time": 1790000000, "changes": [{"n": 5}]},
            {"id": "2", "time": 1790000000, "field": "comments", "value": {"n": 6}},
            {"id": "0", "changes": []},
        ],
    }
