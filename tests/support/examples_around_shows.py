"""Requests that get the documented answers of the calls around shows."""

from typing import Any, Protocol

import httpx

from tests.support.images import picture
from tests.support.operations import Ask, Operation, operations


class Sender(Protocol):
    def send(self, ask: Ask) -> httpx.Response: ...

    def person(self, *roles: Any) -> str: ...

    def user_id(self, token: str) -> str: ...


def around_show(sender: Sender, operation: Operation, seller: str, body: Any, parts: dict[str, str]) -> Ask | None:
    """Of this seller, about the show in `parts`. None for a call that is not one of these."""
    other = sender.user_id(sender.person("bidder"))
    ask = Ask(operation, seller, body, parts)
    chat = _about_chat(sender, ask, other)
    return chat or _about_people(sender, ask, other) or _about_things(sender, ask) or _about_records(sender, ask)


def _about_people(sender: Sender, ask: Ask, other: str) -> Ask | None:
    match ask.operation.id:
        case "listModerators":
            make(sender, "nameModerator", ask.token, {"user_id": other, "name": "Mo"}, ask.parts)
            return ask.but(token="")
        case "nameModerator":
            return ask
        case "removeModerator" | "setApproval":
            return ask.but(parts=ask.parts | {"user_id": other})
        case "listBlocks":
            # So that there is another page.
            for user_id in (other, "usr_another"):
                make(sender, "blockUser", ask.token, None, {"user_id": user_id})
            return ask.but(query={"limit": 1})
        case "blockUser" | "unblockUser" | "followSeller" | "unfollowSeller":
            return ask.but(parts={"user_id": other})
    return None


def _about_chat(sender: Sender, ask: Ask, other: str) -> Ask | None:
    match ask.operation.id:
        case "sayInShow":
            make(sender, "startShow", ask.token, None, ask.parts)
            return ask.but(token=sender.person("bidder"))
        case "removeMessage":
            make(sender, "startShow", ask.token, None, ask.parts)
            make(sender, "sayInShow", sender.person("bidder"), {"message_id": "m1", "text": "Hello"}, ask.parts)
            return ask.but(parts=ask.parts | {"message_id": "m1"})
        case "muteUser" | "unmuteUser":
            return ask.but(parts=ask.parts | {"user_id": other})
        case "announceInShow":
            return ask.but(key=ask.token[-40:])
        case "getChatRules" | "setChatRules":
            make(sender, "setChatRules", ask.token, {"words": ["junk"], "on_match": "mask"}, {})
            return ask.but(parts={})
    return None


def _about_things(sender: Sender, ask: Ask) -> Ask | None:
    match ask.operation.id:
        case "listFollowing":
            reader = sender.person("bidder")
            make(sender, "followSeller", reader, None, {"user_id": "usr_unknown"})
            make(sender, "bookmarkShow", reader, None, ask.parts)
            make(sender, "followSeller", reader, None, {"user_id": sender.user_id(ask.token)})
            return ask.but(token=reader, query={"limit": 2})
        case "bookmarkShow" | "removeBookmark":
            return ask
        case "createImage":
            return ask.but(body=picture())
        case "createTemplate":
            return ask.but(key=ask.token[-40:])
        case "listTemplates":
            make(sender, "createTemplate", ask.token, template(), {})
            return ask
        case "changeTemplate" | "removeTemplate":
            made = make(sender, "createTemplate", ask.token, template(), {}).json()
            return ask.but(parts={"template_id": made["template_id"]})
    return None


def _about_records(sender: Sender, ask: Ask) -> Ask | None:
    match ask.operation.id:
        case "createReport":
            return ask.but(key=ask.token[-40:])
        case "listReports":
            lot = make(sender, "addLot", ask.token, {"title": "Bowl", "terms": {}}, ask.parts).json()
            for _ in range(2):
                make(sender, "createReport", ask.token, {"reason": "fraud", "lot_id": lot["lot_id"]}, ask.parts)
            return ask.but(query={"limit": 1})
        case "handleReport":
            report = {"reason": "fraud", "lot_id": "lot_1"}
            made = make(sender, "createReport", ask.token, report, ask.parts).json()
            return ask.but(parts=ask.parts | {"report_id": made["report_id"]})
        case "listActs":
            make(sender, "addLot", ask.token, {"title": "Bowl", "terms": {}}, ask.parts)
            return ask.but(query={"limit": 1})
    return None


def make(sender: Sender, operation_id: str, token: str, body: Any, parts: dict[str, str]) -> httpx.Response:
    [operation] = [one for one in operations() if one.id == operation_id]
    answer = sender.send(Ask(operation, token, body, parts))
    assert answer.is_success, answer.text
    return answer


def template() -> Any:
    [create] = [one for one in operations() if one.id == "createTemplate"]
    return create.request("one minute")
