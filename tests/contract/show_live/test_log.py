"""The log of a show: each change once, in order, and the state in Redis is the one that the events lead to."""

import asyncio

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blytz.show.events.log import Announced, Announcement, CorruptShow, ShowSnapshot
from blytz.show.events.view import ShowView
from blytz.show.redis.keys import keys_of
from blytz.show.redis.log import RedisShowLog, ShowTopics
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.show_json import SELLER, Json, lot_json, opened, show_json, snapshot

HOUR_MS = 3_600_000
KEYS = keys_of("shw_1")


async def public_of(log: RedisShowLog, show_id: str = "shw_1") -> Json:
    view = await log.read(show_id)
    assert view is not None
    public: Json = msgspec.json.decode(view.encode())
    return public


def events_of(redis: RedisServer) -> list[bytes]:
    return [fields[1] for _, fields in redis.ask("XRANGE", KEYS.events, "-", "+")]


async def test_a_change_is_one_event_however_often_it_is_announced(log: RedisShowLog, redis: RedisServer) -> None:
    await log.fill("shw_1", snapshot(change=4))
    paused = Announcement(5, "show_paused", {"show": show_json(status="paused"), "reason": "seller"})
    assert [await log.announce("shw_1", paused) for _ in range(3)] == [Announced.DONE] * 3
    [event] = map(msgspec.json.decode, events_of(redis))
    assert {name: event[name] for name in ("seq", "kind", "show_id", "reason")} == {
        "seq": 1,
        "kind": "show_paused",
        "show_id": "shw_1",
        "reason": "seller",
    }
    assert event["at"] > 1_600_000_000_000
    assert (await public_of(log))["show"]["status"] == "paused"
    assert await log.announce("shw_1", Announcement(4, "show_started", {})) == Announced.DONE
    assert len(events_of(redis)) == 1


async def test_a_change_after_one_that_is_missing_does_nothing(log: RedisShowLog, redis: RedisServer) -> None:
    await log.fill("shw_1", snapshot(change=4))
    assert await log.announce("shw_1", Announcement(6, "show_resumed", {})) == Announced.GAP
    assert events_of(redis) == []
    assert await log.announce("shw_1", Announcement(5, "show_paused", {})) == Announced.DONE
    assert await log.announce("shw_1", Announcement(6, "show_resumed", {})) == Announced.DONE


async def test_a_show_that_nobody_watched_has_no_state(log: RedisShowLog, redis: RedisServer) -> None:
    assert await log.announce("shw_1", Announcement(1, "show_started", {})) == Announced.ABSENT
    assert await log.read("shw_1") is None
    assert redis.ask("KEYS", "show:*") == []


async def test_a_state_is_filled_once(log: RedisShowLog) -> None:
    fills = [log.fill("shw_1", snapshot(change=number, title=str(number))) for number in range(3)]
    await asyncio.gather(*fills)
    first = await public_of(log)
    await log.fill("shw_1", snapshot(change=9, title="later"))
    assert await public_of(log) == first


async def test_a_show_with_five_hundred_lots_is_filled(log: RedisShowLog) -> None:
    await log.fill("shw_1", snapshot(lots=500))
    view = await log.read("shw_1")
    assert view is not None
    assert len(view.lots) == 500


@pytest.mark.parametrize("status", ["live", "paused"])
async def test_a_show_that_is_on_is_kept_until_it_ends(status: str, log: RedisShowLog, redis: RedisServer) -> None:
    await log.fill("shw_1", snapshot(status=status))
    assert {redis.ask("PTTL", KEYS.state), redis.ask("PTTL", KEYS.lots)} == {-1}
    await log.announce("shw_1", Announcement(1, "show_ended", {"show": show_json(status="ended")}))
    for key in (KEYS.state, KEYS.lots, KEYS.events):
        assert HOUR_MS - 60_000 < redis.ask("PTTL", key) <= HOUR_MS


async def test_a_show_that_is_not_on_ends_an_hour_after_it_was_last_used(
    log: RedisShowLog, redis: RedisServer
) -> None:
    await log.fill("shw_1", snapshot(status="scheduled"))

    async def is_kept_by(use: object) -> bool:
        redis.ask("PEXPIRE", KEYS.state, 60_000)
        redis.ask("PEXPIRE", KEYS.lots, 60_000)
        await use  # type: ignore[misc]
        return bool(min(redis.ask("PTTL", KEYS.state), redis.ask("PTTL", KEYS.lots)) > HOUR_MS - 60_000)

    assert await is_kept_by(log.fill("shw_1", snapshot()))
    assert await is_kept_by(log.read("shw_1"))
    assert await is_kept_by(log.announce("shw_1", Announcement(1, "lot_changed", {"lot": lot_json(1)})))
    assert await is_kept_by(log.announce("shw_1", Announcement(1, "lot_changed", {"lot": lot_json(1)})))
    await log.announce("shw_1", Announcement(2, "show_started", {"show": show_json(status="live")}))
    assert redis.ask("PTTL", KEYS.state) == -1


async def test_the_log_is_bounded(log: RedisShowLog, redis: RedisServer) -> None:
    await log.fill("shw_1", snapshot())
    for first in range(1, 10_401, 400):
        changes = [Announcement(change, "queue_changed", {}) for change in range(first, first + 400)]
        await asyncio.gather(*(log.announce("shw_1", change) for change in changes))
    assert 10_000 <= redis.ask("XLEN", KEYS.events) < 10_400
    assert (await public_of(log))["seq"] == 10_400


_numbers = st.integers(1, 4)
_events = st.one_of(
    st.builds(
        lambda n, s: ("lot_changed", {"lot": lot_json(n, status=s, position=n)}), _numbers, st.text(max_size=3)
    ),
    st.builds(lambda n: ("lot_removed", {"lot_id": f"lot_{n}"}), _numbers),
    st.builds(lambda n: ("purchase", {"lot_id": f"lot_{n}", "left": n}), _numbers),
    st.builds(lambda n, p: ("queue_changed", {"positions": {f"lot_{n}": p, "lot_9": 1}}), _numbers, _numbers),
    st.builds(lambda n: ("lot_opened", opened(1, n, f"auc_{n}").public), _numbers),
    st.builds(lambda n: ("lot_added", {"lots": {"total": n, "sold": 0}, "lot": lot_json(n)}), _numbers),
    st.builds(lambda n: ("host_live", {"host": {"state": "live", "since": n}}), _numbers),
    st.builds(lambda n: ("show_changed", {"moderators": [{"id": f"usr_{n}", "name": "M"}]}), _numbers),
    st.builds(
        lambda title, seen: ("show_changed", {"show": show_json(title=title, visibility=seen)}),
        st.text(max_size=5),
        st.sampled_from(["public", "unlisted", "rehearsal"]),
    ),
)


@given(st.lists(_events, max_size=12), st.sampled_from([None, ["usr_anna"]]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_state_in_redis_is_the_one_that_the_events_lead_to(
    shared_redis: RedisServer, events: list[tuple[str, Json]], readers: list[str] | None
) -> None:
    shared_redis.ask("FLUSHALL")
    async with connected(shared_redis.url, no_timeout=True) as pipe:
        log = RedisShowLog(pipe)
        await log.fill("shw_1", snapshot(readers=readers))
        watched = await log.read("shw_1")
        assert watched is not None
        for change, (kind, public) in enumerate(events, 1):
            assert await log.announce("shw_1", Announcement(change, kind, public)) == Announced.DONE
        watched.lay(events_of(shared_redis))
        read = await log.read("shw_1")
        assert read is not None
        assert msgspec.json.decode(watched.encode()) == msgspec.json.decode(read.encode())
        assert watched.readers == read.readers
        assert (watched.seq, watched.epoch) == (len(events), read.epoch)


async def test_what_is_announced_is_the_event_of_the_log(log: RedisShowLog, redis: RedisServer) -> None:
    await log.fill("shw_1", snapshot())
    view = await log.read("shw_1")
    public = {
        "lot": lot_json(1, title='quotes " and \\ and \u2028 and 😀', price=10**12),
        "lots": {},
        "open_lots": [],
    }
    await log.announce("shw_1", Announcement(1, "lot_changed", public))
    assert isinstance(view, ShowView)
    event = msgspec.json.decode(events_of(redis)[0])
    assert {name: event[name] for name in public} == public
    assert await log.announce("shw_1", Announcement(2, "announcement", {})) == Announced.DONE


async def test_a_show_that_is_not_valid_in_redis_is_reported_and_not_written(
    log: RedisShowLog, redis: RedisServer
) -> None:
    await log.fill("shw_1", snapshot())
    redis.ask("DEL", KEYS.messages)
    redis.ask("SET", KEYS.messages, "of the wrong type")
    with pytest.raises(CorruptShow):
        await log.announce("shw_1", Announcement(1, "show_paused", {}))
    assert events_of(redis) == []
    redis.ask("DEL", KEYS.messages)
    redis.ask("HSET", KEYS.state, "show", "{")
    with pytest.raises(CorruptShow):
        await log.read("shw_1")


async def test_a_show_without_a_state_is_read_from_the_catalogue(log: RedisShowLog) -> None:
    asked: list[str] = []

    async def catalogue(show_id: str) -> ShowSnapshot | None:
        asked.append(show_id)
        return snapshot(title="Filled") if show_id == "shw_1" else None

    topics = ShowTopics(log, catalogue)
    views = await asyncio.gather(*(topics.state("shw_1") for _ in range(3)))
    assert len({view.epoch for view in views if view is not None}) == 1
    view = await topics.state("shw_1")
    assert view is not None
    assert (view.show["title"], view.show["seller"]) == ("Filled", SELLER)
    before = len(asked)
    assert await topics.state("shw_2") is None
    assert len(asked) == before + 1
