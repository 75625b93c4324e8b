"""Watching a show: the same recovery as an auction, with the events and the state of a show."""

from blytz.client.live import LiveClient
from blytz.show.events.log import Announcement
from blytz.show.redis.keys import keys_of
from blytz.show.redis.log import RedisShowLog
from tests.contract.live.conftest import Connect, Shows
from tests.support.live import GatewayProcess
from tests.support.redis import RedisServer
from tests.support.show_json import lot_json, show_json, snapshot
from tests.support.wait import until


async def change(log: RedisShowLog, show_id: str, first: int, last: int) -> None:
    for number in range(first, last + 1):
        await log.announce(show_id, Announcement(number, "lot_changed", {"lot": lot_json(1, title=str(number))}))


async def test_a_show_is_watched_with_one_snapshot_and_then_events(
    connect: Connect, show: Shows, log: RedisShowLog
) -> None:
    show_id, client = await show(moderators=[{"id": "usr_mo", "name": "Mo"}]), await connect()
    answer = await client.watch_topic(f"show:{show_id}", ref="w")
    assert (answer["type"], answer["seq"], answer["ref"]) == ("snapshot", 0, "w")
    state = answer["state"]
    assert state.pop("server_at") > 1_600_000_000_000
    assert state == {
        "show_id": show_id,
        "seq": 0,
        "show": show_json(show_id),
        "lots": [lot_json(1), lot_json(2)],
        "messages": [],
        "moderators": [{"id": "usr_mo", "name": "Mo"}],
    }
    await change(log, show_id, 1, 2)
    for seq in (1, 2):
        event = await client.receive("event", topic=f"show:{show_id}")
        assert (event["seq"], event["kind"], event["lot"]["title"]) == (seq, "lot_changed", str(seq))
    late = await (await connect()).watch_topic(f"show:{show_id}")
    assert (late["seq"], late["state"]["seq"], late["state"]["lots"][0]["title"]) == (2, 2, "2")


async def test_a_returning_client_gets_the_events_of_a_show_that_it_missed(
    connect: Connect, show: Shows, log: RedisShowLog
) -> None:
    show_id, client = await show(), await connect()
    topic = f"show:{show_id}"
    epoch = (await client.watch_topic(topic))["epoch"]
    await change(log, show_id, 1, 6)
    while (await client.receive("event"))["seq"] < 6:
        pass
    replay = await client.watch_topic(topic, after=3, epoch=epoch)
    assert (replay["type"], [event["seq"] for event in replay["events"]]) == ("replay", [4, 5, 6])
    await change(log, show_id, 7, 520)
    back = await (await connect()).watch_topic(topic, after=3, epoch=epoch)
    assert (back["type"], back["seq"], back["state"]["lots"][0]["title"]) == ("snapshot", 520, "520")


async def test_a_show_that_redis_has_lost_and_has_again_is_another_history(
    connect: Connect, show: Shows, log: RedisShowLog, shared_redis: RedisServer
) -> None:
    show_id, client = await show(), await connect()
    await change(log, show_id, 1, 3)
    first = await client.watch_topic(f"show:{show_id}")
    shared_redis.ask("DEL", *keys_of(show_id).with_an_end)
    await log.fill(show_id, snapshot(change=3, show_id=show_id, title="Again"))
    await change(log, show_id, 4, 4)
    again = await client.receive("snapshot")
    assert (again["seq"], again["state"]["show"]["title"]) == (1, "Again")
    assert again["epoch"] != first["epoch"]


async def test_a_show_that_does_not_exist_cannot_be_watched(connect: Connect) -> None:
    client = await connect()
    error = await client.ask({"type": "watch", "topic": "show:shw_nowhere", "ref": "w"}, "error")
    assert (error["code"], error["ref"]) == ("show_not_found", "w")


async def test_a_rehearsal_is_only_for_those_who_may_see_it(
    connect: Connect, show: Shows, gateway: GatewayProcess, log: RedisShowLog
) -> None:
    named, moderator = (gateway.issuer.verify(gateway.token(name)).id for name in ("Ray", "Mo"))
    show_id = await show(visibility="rehearsal", readers=[named])
    topic = f"show:{show_id}"
    public = [{"id": moderator, "name": "Mo"}]
    await log.announce(show_id, Announcement(1, "show_changed", {"moderators": public}))
    for token in (gateway.token("Ray"), gateway.token("Mo"), gateway.token("Eve", "moderator")):
        assert (await (await connect(token)).watch_topic(topic))["type"] == "snapshot"
    client = await connect()
    for _ in range(2):
        error = await client.ask({"type": "watch", "topic": topic, "ref": "w"}, "error")
        assert (error["code"], error["ref"]) == ("show_not_found", "w")
        await client.sign_in(gateway.token("Anna"))
    await change(log, show_id, 2, 2)
    assert await client.drain() == []
    signed_in_later = await connect()
    await signed_in_later.sign_in(gateway.token("Ray"))
    assert (await signed_in_later.watch_topic(topic))["seq"] == 2


async def test_viewers_of_a_show_are_counted_and_keep_it(
    connect: Connect, show: Shows, shared_redis: RedisServer
) -> None:
    show_id, client = await show(status="scheduled"), await connect()
    await client.watch_topic(f"show:{show_id}")
    shared_redis.ask("PEXPIRE", keys_of(show_id).state, 60_000)
    assert (await client.receive("viewers", topic=f"show:{show_id}"))["count"] == 1
    assert shared_redis.ask("PTTL", keys_of(show_id).state) > 3_000_000


async def test_the_reference_client_has_the_state_of_the_server(
    connect: Connect, show: Shows, gateway: GatewayProcess, log: RedisShowLog
) -> None:
    show_id, anna = await show(), await connect(gateway.token("Anna"))
    async with LiveClient(f"ws://127.0.0.1:{gateway.port}/live/v1") as client:
        topic = client.watch_show(show_id)
        await until(lambda: topic.state is not None, "the client has a snapshot")
        await anna.ask({"type": "say", "show_id": show_id, "message_id": "m1", "text": "Hello"}, "say_result")
        await log.announce(show_id, Announcement(1, "lot_removed", {"lot_id": "lot_1"}))
        await log.announce(show_id, Announcement(2, "show_ended", {"show": show_json(show_id, status="ended")}))
        await until(lambda: topic.is_final, "the client has the last event")
        state = (await anna.watch_topic(f"show:{show_id}"))["state"]
        assert (topic.seq, topic.snapshots, topic.gaps) == (3, 1, 0)
        assert topic.state == {name: value for name, value in state.items() if name != "server_at"}
