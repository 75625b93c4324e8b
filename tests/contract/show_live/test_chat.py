"""The chat of a show: who may speak, how often, and what a moderator can do about it."""

import asyncio
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from blytz.identity import Principal, Role
from blytz.kit.chat import Said
from blytz.kit.problems import StoreUnavailable
from blytz.kit.ratelimit.user_limit import Limit, UserLimit
from blytz.kit.redis.pipe import RedisPipe
from blytz.show.chat.rules import ChatRules
from blytz.show.chat.service import ChatCode, Message, Moderated, ShowChat
from blytz.show.events.log import Announcement
from blytz.show.redis.chat import RedisChat
from blytz.show.redis.keys import keys_of
from blytz.show.redis.log import RedisShowLog
from tests.support.redis import RedisServer
from tests.support.show_json import Json, show_json, snapshot

KEYS = keys_of("shw_1")
MODERATORS = [{"id": "usr_mo", "name": "Mo"}]


def user(name: str, *roles: Role) -> Principal:
    return Principal(f"usr_{name.lower()}", name, roles or ("bidder",), 0)


def message(message_id: str = "m1", speaker: Principal | None = None, text: str = "Hello") -> Message:
    return Message("shw_1", message_id, speaker or user("Anna"), text, "req_1")


@pytest.fixture
def chat(pipe: RedisPipe) -> RedisChat:
    return RedisChat(pipe)


async def view_of(log: RedisShowLog) -> Json:
    view = await log.read("shw_1")
    assert view is not None
    shown: Json = msgspec.json.decode(view.encode())
    return shown


def events_of(redis: RedisServer) -> list[Json]:
    return [msgspec.json.decode(fields[1]) for _, fields in redis.ask("XRANGE", KEYS.events, "-", "+")]


async def code_of(chat: RedisChat, *args: Any, **fields: Any) -> str | None:
    said = await chat.say(message(*args, **fields))
    assert said is not None
    assert (said.code is None) == (said.seq is not None)
    return said.code


async def test_a_message_is_an_event_and_stands_in_the_state(
    chat: RedisChat, log: RedisShowLog, redis: RedisServer
) -> None:
    await log.fill("shw_1", snapshot())
    watched = await log.read("shw_1")
    assert watched is not None
    assert await chat.say(message(text='"quoted" \\ and 😀')) == Said(None, 1)
    [event] = events_of(redis)
    assert event.pop("at") > 1_600_000_000_000
    assert event == {
        "seq": 1,
        "kind": "message",
        "show_id": "shw_1",
        "message_id": "m1",
        "user": {"id": "usr_anna", "name": "Anna", "badge": None},
        "text": '"quoted" \\ and 😀',
    }
    for number in range(2, 60):
        await chat.say(message(f"m{number}"))
    watched.lay([fields[1] for _, fields in redis.ask("XRANGE", KEYS.events, "-", "+")])
    assert msgspec.json.decode(watched.encode()) == await view_of(log)
    assert [each["seq"] for each in (await view_of(log))["messages"]] == list(range(10, 60))


async def test_the_same_message_is_said_once_and_its_id_belongs_to_who_said_it(
    chat: RedisChat, log: RedisShowLog, redis: RedisServer
) -> None:
    await log.fill("shw_1", snapshot())
    said = await asyncio.gather(*(chat.say(message()) for _ in range(5)))
    assert said == [Said(None, 1)] * 5
    assert await code_of(chat, speaker=user("Ben")) == ChatCode.MESSAGE_ID_REUSED
    await log.announce("shw_1", Announcement(1, "show_ended", {"show": show_json(status="ended")}))
    assert await chat.say(message()) == Said(None, 1)
    assert [event["kind"] for event in events_of(redis)] == ["message", "show_ended"]


async def test_badges_are_those_of_the_seller_and_the_moderators_of_the_show(
    chat: RedisChat, log: RedisShowLog, redis: RedisServer
) -> None:
    await log.fill("shw_1", snapshot(moderators=MODERATORS))
    for number, speaker in enumerate((user("Sam"), user("Mo"), user("Eve", "moderator"))):
        await chat.say(message(f"m{number}", speaker))
    assert [event["user"]["badge"] for event in events_of(redis)] == ["seller", "moderator", None]


@pytest.mark.parametrize("status", ["scheduled", "ended", "cancelled"])
async def test_nobody_speaks_in_a_show_that_is_not_on(status: str, chat: RedisChat, log: RedisShowLog) -> None:
    assert await chat.say(message()) is None
    await log.fill("shw_1", snapshot(status=status))
    assert await code_of(chat) == ChatCode.NOT_LIVE


async def test_who_is_blocked_or_muted_does_not_speak(
    chat: RedisChat, log: RedisShowLog, redis: RedisServer
) -> None:
    await log.fill("shw_1", snapshot())
    redis.ask("SADD", KEYS.blocked, "usr_anna")
    assert await code_of(chat) == ChatCode.BLOCKED
    redis.ask("SREM", KEYS.blocked, "usr_anna")
    assert await chat.mute("shw_1", "usr_anna", None, "usr_sam") is Moderated.DONE
    assert await chat.say(message()) == Said(ChatCode.MUTED)
    assert await code_of(chat, "m2", user("Ben")) is None
    await chat.mute("shw_1", "usr_anna", 60_000, "usr_sam")
    refused = await chat.say(message())
    assert refused is not None
    assert refused.code == ChatCode.MUTED
    assert 50_000 < (refused.retry_after_ms or 0) <= 60_000
    await chat.mute("shw_1", "usr_anna", 0, "usr_sam")
    assert await code_of(chat) is None
    muted = [event for event in events_of(redis) if event["kind"] == "user_muted"]
    assert [(event["user_id"], event["until"] and event["until"] - event["at"]) for event in muted] == [
        ("usr_anna", None),
        ("usr_anna", 60_000),
        ("usr_anna", 0),
    ]


async def test_slow_mode_is_for_those_who_do_not_moderate(
    chat: RedisChat, log: RedisShowLog, redis: RedisServer
) -> None:
    await log.fill("shw_1", snapshot(slow_mode_ms=60_000, moderators=MODERATORS))
    exempt = (user("Sam"), user("Mo"), user("Eve", "moderator"), user("Ada", "admin"))
    for number, speaker in enumerate(exempt * 2):
        assert await code_of(chat, f"e{number}", speaker) is None
    assert await code_of(chat, "m1") is None
    refused = await chat.say(message("m2"))
    assert refused is not None
    assert refused.code == ChatCode.SLOW_MODE
    assert 50_000 < (refused.retry_after_ms or 0) <= 60_000
    assert await code_of(chat, "m1") is None
    assert await code_of(chat, "m3", user("Ben")) is None
    redis.ask("ZADD", KEYS.spoke, 1, "usr_anna")
    assert await code_of(chat, "m4") is None
    assert redis.ask("ZCARD", KEYS.spoke) == 2


async def test_only_who_may_see_a_rehearsal_speaks_in_it(chat: RedisChat, log: RedisShowLog) -> None:
    await log.fill("shw_1", snapshot(visibility="rehearsal", readers=["usr_ray"], moderators=MODERATORS))
    assert await code_of(chat) == ChatCode.SHOW_NOT_FOUND
    speakers = (user("Ray"), user("Mo"), user("Sam"), user("Ada", "admin"))
    assert [await code_of(chat, f"m{number}", each) for number, each in enumerate(speakers)] == [None] * 4


async def test_a_removed_message_leaves_the_state(chat: RedisChat, log: RedisShowLog, redis: RedisServer) -> None:
    assert await chat.remove("shw_1", "m1", "usr_sam") is Moderated.ABSENT
    await log.fill("shw_1", snapshot())
    for number in range(3):
        await chat.say(message(f"m{number}"))
    assert await chat.remove("shw_1", "m1", "usr_sam") is Moderated.DONE
    assert [each["message_id"] for each in (await view_of(log))["messages"]] == ["m0", "m2"]
    event = events_of(redis)[-1]
    assert (event["seq"], event["kind"], event["message_id"]) == (4, "message_removed", "m1")
    assert await chat.remove("shw_1", "m9", "usr_sam") is Moderated.NOT_FOUND
    for _ in range(2):
        await chat.announce_text("shw_1", 'Free "shipping"', "usr_sam", "ann_1")
    event = events_of(redis)[-1]
    assert event["seq"] == 5
    assert (event["kind"], event["text"]) == ("announcement", 'Free "shipping"')


async def test_a_show_that_nobody_watches_is_filled_when_somebody_speaks(
    chat: RedisChat, log: RedisShowLog
) -> None:
    async def fill(show_id: str) -> bool:
        if show_id == "shw_1":
            await log.fill(show_id, snapshot())
        if show_id == "shw_away":
            raise StoreUnavailable
        return show_id == "shw_1"

    service = ShowChat(chat, fill)
    said = await asyncio.gather(*(service.say(user(name), "shw_1", name, "Hi", "r") for name in ("Anna", "Ben")))
    assert sorted(each.seq or 0 for each in said) == [1, 2]
    for show_id in ("shw_2", "no id"):
        assert await service.say(user("Anna"), show_id, "m", "Hi", "r") == Said(ChatCode.SHOW_NOT_FOUND)
    with pytest.raises(StoreUnavailable):
        await service.say(user("Anna"), "shw_away", "m", "Hi", "r")


async def test_a_user_may_say_only_so_much(chat: RedisChat, log: RedisShowLog) -> None:
    await log.fill("shw_1", snapshot())

    async def fill(_: str) -> bool:
        return True

    service = ShowChat(chat, fill, UserLimit(Limit("chat", 1, 3), now=lambda: 0.0))
    said = [await service.say(user("Anna"), "shw_1", f"m{number}", "Hi", "r") for number in range(4)]
    assert [each.code for each in said] == [None, None, None, ChatCode.RATE_LIMITED]
    assert said[3].retry_after_ms == 1_000
    assert (await service.say(user("Ben"), "shw_1", "b", "Hi", "r")).code is None


async def test_a_message_is_read_with_those_before_it_also_when_it_was_removed(
    chat: RedisChat, log: RedisShowLog
) -> None:
    assert await chat.messages("shw_1", "m1") == []
    await log.fill("shw_1", snapshot())
    for number in range(8):
        await chat.say(message(f"m{number}", text=f"Text {number}"))
        await chat.announce_text("shw_1", "Hello", "usr_sam", f"ann_{number // 4}")
    await chat.remove("shw_1", "m6", "usr_sam")

    assert [said.text for said in await chat.messages("shw_1", "m6", 2)] == ["Text 4", "Text 5", "Text 6"]
    [only] = await chat.messages("shw_1", "m6")
    assert (only.message_id, only.user.name, only.at > 1_600_000_000_000) == ("m6", "Anna", True)
    assert await chat.messages("shw_1", "ann_0") == []
    assert await chat.messages("shw_1", "m9") == []


async def test_the_rules_of_a_seller_are_in_the_state_and_change_with_an_announcement(
    chat: RedisChat, log: RedisShowLog, redis: RedisServer
) -> None:
    masking = ChatRules(("junk",), on_match="mask")

    async def fill(show_id: str) -> bool:
        await log.fill(show_id, replace(snapshot(), chat_rules=masking))
        return True

    service = ShowChat(chat, fill, rules_kept_s=0)

    async def say(message_id: str, text: str) -> Said:
        return await service.say(user("Anna"), "shw_1", message_id, text, "r")

    assert await say("m1", "Junk at example.com") == Said(None, 1, is_changed=True)
    assert await say("m2", "Fine") == Said(None, 2)
    refusing = Announcement(1, "show_changed", {"show": show_json()}, ChatRules(("junk",), links="allowed"))
    await log.announce("shw_1", refusing)
    assert await say("m3", "junk") == Said(ChatCode.TEXT_REFUSED, detail="a word of it is not allowed here")
    await log.announce("shw_1", Announcement(2, "show_changed", {"show": show_json()}))
    assert (await say("m4", "junk")).code == ChatCode.TEXT_REFUSED
    await say("m5", "https://example.com")

    events = [event for event in events_of(redis) if event["kind"] == "message"]
    texts = [(event["text"], event.get("links")) for event in events]
    assert texts == [("**** at example.com", False), ("Fine", None), ("https://example.com", True)]
    shown = [(one["text"], one.get("links")) for one in (await view_of(log))["messages"]]
    assert shown == texts
