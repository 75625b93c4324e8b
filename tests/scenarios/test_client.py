"""The reference client with a gateway that misbehaves on purpose: no event is lost or guessed."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from blytz.client.live import LiveClient
from tests.support.scripted_gateway import Connection, ScriptedGateway, scripted_gateway
from tests.support.wait import until
from tests.support.watch_scenes import ID, event, state
from tests.support.watch_shows import SHOW_ID, show_snapshot

TOPIC = f"auction:{ID}"


@pytest.fixture
async def gateway() -> AsyncIterator[ScriptedGateway]:
    async with scripted_gateway() as running:
        yield running


def snapshot(seq: int, epoch: str = "e1") -> dict[str, Any]:
    return {"type": "snapshot", "topic": TOPIC, "epoch": epoch, "seq": seq, "state": state(seq=seq)}


def live_event(seq: int) -> dict[str, Any]:
    return {**event(seq, price=seq * 100), "topic": TOPIC}


async def watched(client: LiveClient, gateway: ScriptedGateway, seq: int = 3) -> Connection:
    """Returns a connection on which the auction is watched."""
    client.watch(ID)
    connection = await gateway.next()
    assert (await connection.next())["type"] == "watch"
    connection.send(snapshot(seq))
    await until(lambda: client.topics[TOPIC].seq == seq, "the snapshot is taken")
    return connection


async def test_the_client_uses_the_subprotocol_and_signs_in_first(gateway: ScriptedGateway) -> None:
    async with LiveClient(gateway.url, "token-of-anna") as client:
        client.watch(ID)
        connection = await gateway.next()
        received = [await connection.next(), await connection.next()]

    assert gateway.requests[0].headers["Sec-WebSocket-Protocol"] == "blytz.v1"
    assert received[0] == {"type": "auth", "token": "token-of-anna", "ref": "auth"}
    assert received[1] == {"type": "watch", "topic": TOPIC, "ref": TOPIC}


async def test_the_messages_of_a_batch_are_processed_in_order(gateway: ScriptedGateway) -> None:
    events_received: list[dict[str, Any]] = []
    async with LiveClient(gateway.url, on_message=events_received.append) as client:
        connection = await watched(client, gateway)
        connection.send([live_event(4), live_event(5), {"type": "viewers", "topic": TOPIC, "count": 9}])
        await until(lambda: client.topics[TOPIC].viewers == 9, "the batch is taken")

    assert [(each["type"], each.get("seq")) for each in events_received] == [
        ("snapshot", 3),
        ("event", 4),
        ("event", 5),
        ("viewers", None),
    ]
    assert client.topics[TOPIC].state == state(seq=5, price=500)


async def test_a_gap_is_filled_by_watching_again(gateway: ScriptedGateway) -> None:
    events_received: list[dict[str, Any]] = []
    async with LiveClient(gateway.url, on_message=events_received.append) as client:
        connection = await watched(client, gateway)
        connection.send([live_event(4), live_event(6)])
        again = await connection.next()
        assert (again["after"], again["epoch"]) == (4, "e1")
        missing = [{key: value for key, value in event(seq).items() if key != "type"} for seq in (5, 6)]
        connection.send({"type": "replay", "topic": TOPIC, "epoch": "e1", "seq": 6, "events": missing})
        connection.send(live_event(7))
        await until(lambda: client.topics[TOPIC].seq == 7, "all events arrived")

    assert [each["seq"] for each in events_received if each["type"] == "event"] == [4, 5, 6, 7]
    assert all(each["topic"] == TOPIC for each in events_received)
    assert client.topics[TOPIC].gaps == 1


@pytest.mark.parametrize("code", [1012, 4408, 4429, 0])
async def test_a_client_resumes_where_it_was_after_losing_its_connection(
    gateway: ScriptedGateway, code: int
) -> None:
    async with LiveClient(gateway.url) as client:
        connection = await watched(client, gateway, seq=3)
        if code:
            connection.close(code)
        else:
            connection.cut()
        connection = await gateway.next()
        again = await connection.next()
        assert (again["type"], again["after"], again["epoch"]) == ("watch", 3, "e1")
        connection.send(snapshot(2, epoch="e2"))
        await until(lambda: client.topics[TOPIC].epoch == "e2", "a new history starts")
        await until(lambda: client.state == "live" and client.reconnects == 1, "it is connected again")


@pytest.mark.parametrize(("code", "why"), [(4401, "the token was refused"), (4403, "does not take connections")])
async def test_a_client_does_not_reconnect_after_a_close_code_that_makes_it_pointless(
    gateway: ScriptedGateway, code: int, why: str
) -> None:
    async with LiveClient(gateway.url, "bad") as client:
        (await gateway.next()).close(code)
        await client.until_closed()
        assert client.state == "closed"
        assert why in client.why_closed
        with pytest.raises(ConnectionError, match=why):
            await client.place_bid(ID, 500)


async def test_a_disconnected_client_reports_the_reason_received_before_the_close(
    gateway: ScriptedGateway,
) -> None:
    async with LiveClient(gateway.url, "t") as client:
        connection = await gateway.next()
        connection.send({"type": "error", "code": "banned", "detail": "this account has been banned"})
        connection.close(4401)
        await client.until_closed()
        assert client.why_closed == "the token was refused: this account has been banned"


async def test_a_watch_refused_because_the_store_is_down_is_retried(gateway: ScriptedGateway) -> None:
    async with LiveClient(gateway.url) as client:
        client.watch(ID)
        connection = await gateway.next()
        watch = await connection.next()
        connection.send({"type": "error", "code": "store_unavailable", "detail": "", "ref": watch["ref"]})
        assert await connection.next() == watch


async def test_the_offset_to_the_server_clock_is_known(gateway: ScriptedGateway) -> None:
    gateway.server_at = 86_400_000
    async with LiveClient(gateway.url) as client:
        await client.until_live()
        await until(lambda: client.clock.known, "a ping is answered")
        assert abs(client.clock.now_ms() - 86_400_000) < 1_000


async def test_an_unreachable_server_is_reported_in_time() -> None:
    async with LiveClient("ws://127.0.0.1:1/live/v1") as client:
        with pytest.raises(TimeoutError):
            await client.until_live(0.2)
        assert client.state == "connecting"


async def test_a_connection_that_closes_before_its_handshake_is_answered_is_tried_again() -> None:
    """As when nginx is killed between the request and its answer."""
    hung_up: list[StreamWriter] = []

    def hang_up(_: StreamReader, writer: StreamWriter) -> None:
        hung_up.append(writer)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        async with LiveClient(f"ws://127.0.0.1:{port}/live/v1"):
            await until(lambda: len(hung_up) > 1, "it connects again")


async def test_a_connection_without_a_welcome_is_given_up(gateway: ScriptedGateway) -> None:
    gateway.welcomes = False
    async with LiveClient(gateway.url) as client:
        await gateway.next()
        gateway.welcomes = True
        await gateway.next()
        await until(lambda: client.state == "live", "the next connection is used")


async def test_an_unreadable_message_makes_the_client_reconnect(gateway: ScriptedGateway) -> None:
    async with LiveClient(gateway.url) as client:
        connection = await watched(client, gateway)
        connection.send_text(b"{not json")
        assert (await (await gateway.next()).next())["after"] == 3


SHOW = f"show:{SHOW_ID}"


async def followed(client: LiveClient, gateway: ScriptedGateway) -> Connection:
    """Returns a connection on which the show is followed, and has sent the auction of its open lot."""
    client.watch_show(SHOW_ID)
    connection = await gateway.next()
    assert await connection.next() == {"type": "watch", "topic": SHOW, "ref": SHOW, "follow": True}
    connection.send([show_snapshot(), snapshot(3)])
    await until(lambda: client.auction(ID) is not None, "the auction of the open lot is there")
    return connection


async def test_a_followed_show_brings_the_auctions_of_its_lots(gateway: ScriptedGateway) -> None:
    received: list[dict[str, Any]] = []
    async with LiveClient(gateway.url, on_message=received.append) as client:
        connection = await followed(client, gateway)
        connection.send([live_event(4), live_event(5) | {"kind": "sold", "status": "sold"}])
        other = snapshot(1) | {"topic": "auction:auc_next"}
        connection.send(other)
        await until(lambda: client.auction("auc_next") is not None, "the next auction is there")
        assert client.auction(ID) is None, "what is over makes room"
        client.unwatch(SHOW)
        assert await connection.next() == {"type": "unwatch", "topic": SHOW}
    assert [(each["topic"], each["seq"]) for each in received] == [
        (SHOW, 9), (TOPIC, 3), (TOPIC, 4), (TOPIC, 5), ("auction:auc_next", 1),
    ]  # fmt: skip


async def test_after_a_reconnect_only_the_show_is_asked_for(gateway: ScriptedGateway) -> None:
    async with LiveClient(gateway.url) as client:
        connection = await followed(client, gateway)
        connection.cut()
        connection = await gateway.next()
        again = {"type": "watch", "topic": SHOW, "ref": SHOW, "after": 9, "epoch": "e", "follow": True}
        assert await connection.next() == again
        connection.send([{"type": "replay", "topic": SHOW, "epoch": "e", "seq": 9, "events": []}, live_event(4)])
        connection.send([snapshot(7), live_event(8)])
        auction = client.auction(ID)
        assert auction is not None
        await until(lambda: auction.seq == 8, "the auction goes on from its new snapshot")
        assert auction.gaps == 0


async def test_a_gap_in_a_followed_auction_is_healed_by_watching_it(gateway: ScriptedGateway) -> None:
    async with LiveClient(gateway.url) as client:
        connection = await followed(client, gateway)
        connection.send(live_event(5))
        assert await connection.next() == {
            "type": "watch",
            "topic": TOPIC,
            "ref": TOPIC,
            "after": 3,
            "epoch": "e1",
        }
