"""The Graph edges of groups: each answers at once, and what came of it is told by a webhook.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/groups/reference
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from omni_actors.sandbox import graph
from omni_actors.sandbox.contract import Outcome
from omni_actors.sandbox.hooks import Update
from omni_actors.sandbox.http import Answer, json_answer
from omni_actors.sandbox.whatsapp import updates
from omni_actors.sandbox.whatsapp.groups import Group, Groups
from omni_actors.sandbox.whatsapp.settings import WhatsAppAccount

ONLY_ID = ""
DONE = {"success": True}


@frozen
class GroupEdges:
    """What a caller may do with the groups of one number at one moment."""

    groups: Groups
    account: WhatsAppAccount
    now: float

    def of_number(self, method: str, query: Mapping[str, str], document: dict[str, Any]) -> Outcome:
        """`/{phone_number_id}/groups`. Raises GraphError."""
        key = self.account.phone_number_id
        if method == "GET":
            return Outcome(json_answer(200, self.groups.page(key, query)))
        group = self.groups.make(key, document, self.now)
        told = {
            "type": "group_create",
            "subject": group.subject,
            "description": group.description,
            "invite_link": group.link,
            "join_approval_mode": group.approval,
        }
        return self._told(group, "group_lifecycle_update", told)

    def of_group(
        self,
        method: str,
        group: Group,
        edge: list[str],
        query: Mapping[str, str],
        document: dict[str, Any],
    ) -> Outcome:
        """`/{group_id}` and what is below it. Raises GraphError."""
        match (method, *edge):
            case ("GET",):
                return Outcome(json_answer(200, group.document(query.get("fields", ONLY_ID))))
            case ("POST",):
                told = self.groups.change(group, document)
                return self._told(group, "group_settings_update", told)
            case ("DELETE",):
                del self.groups.known[group.id]
                return self._told(group, "group_lifecycle_update", {"type": "group_delete"})
            case ("GET" | "POST", "invite_link"):
                if method == "POST":
                    group.link = self.groups.new_link()
                link = {"messaging_product": "whatsapp", "invite_link": group.link}
                return Outcome(json_answer(200, link))
            case ("DELETE", "participants"):
                told = self.groups.remove(group, document)
                return self._told(group, "group_participants_update", told)
            case ("GET", "join_requests"):
                return Outcome(json_answer(200, _asked(group)))
            case ("POST" | "DELETE", "join_requests"):
                return self._decided(group, document, approve=method == "POST")
        raise graph.unknown_path("/" + "/".join([group.id, *edge]))

    def _decided(self, group: Group, document: dict[str, Any], *, approve: bool) -> Outcome:
        before = set(group.members)
        answer: Answer = json_answer(200, self.groups.decide(group, document, approve=approve))
        added = [m for user_id, m in group.members.items() if user_id not in before]
        if not added:
            return Outcome(answer)
        told = {
            "type": "group_participants_add",
            "reason": "invite_link",
            "added_participants": [
                {"input": one.phone, "wa_id": one.phone, "user_id": one.user_id} for one in added
            ],
        }
        return Outcome(answer, [self._news(group, "group_participants_update", told)])

    def _told(self, group: Group, field: str, told: dict[str, Any]) -> Outcome:
        request_id = self.groups.request_id()
        answer = json_answer(200, {"messaging_product": "whatsapp", "request_id": request_id})
        return Outcome(answer, [self._news(group, field, {**told, "request_id": request_id})])

    def _news(self, group: Group, field: str, told: dict[str, Any]) -> Update:
        item = {"timestamp": str(int(self.now)), "group_id": group.id, **told}
        value = updates.value(self.account, groups=[item])
        return updates.news(self.account, field, value, None)


def _asked(group: Group) -> dict[str, Any]:
    items = [
        {"join_request_id": request_id, "wa_id": one.phone, "user_id": one.user_id}
        for request_id, one in group.requests.items()
    ]
    return {"data": items, "paging": {}}
