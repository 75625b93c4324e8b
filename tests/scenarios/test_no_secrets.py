"""No token and no ceiling is in a log of any process, nginx included, or in an answer to another user."""

import asyncio
import contextlib
import re
from pathlib import Path

import msgspec
import pytest

from blytz.identity.dev import KEY_FILE
from tests.conftest import StartRedis
from tests.support.gateway import Gateway
from tests.support.hammer_harness import harness_in
from tests.support.http import Api
from tests.support.live_client import Client, Closed, welcomed
from tests.support.services import Service

CEILINGS = (98_765_431, 87_654_329, 76_543_217)
RESERVE = 99_887_763
"""Above every ceiling: once it is met, the price makes it public."""


def secret_parts(token: str) -> list[str]:
    """A token, and the secret part of it."""
    return [token, token.rpartition(".")[2]]


async def misbehave(port: int, api: Api, token: str, auction_id: str) -> None:
    """Requests with secrets in wrong places, in wrong forms, truncated, and at wrong times."""
    for path in (
        f"/v1/auctions?token={token}",
        f"/v1/auctions/{auction_id}?access_token={token}",
        f"/v1/none?max={CEILINGS[2]}&jwt={token}",
        f"/v1/auctions%3Ftoken={token}",
        f"/{token}",
        f"/v1/auctions/{token}",
    ):
        await asyncio.to_thread(api.get, path)
    bids = f"/v1/auctions/{auction_id}/bids"
    for body in (f'{{"bid_id":"{token}"', f'{{"amount":"{CEILINGS[2]}","kind":"max","bid_id":"z"}}', f'"{token}"'):
        await asyncio.to_thread(api.post, bids, body, token)
    for wrong in (token + "x", token[:-1], f"{token} {token}"):
        await asyncio.to_thread(api.get, "/v1/auctions", wrong)
        await asyncio.to_thread(api.bid, auction_id, CEILINGS[2], wrong)
    (await Client.open(port, path=f"/live/v1?token={token}", Cookie=f"t={token}", Authorization=token)).leave()
    for path in (f"/live/v2?token={token}", f"/live/v1%3Ftoken={token}", f"/live/{token}"):
        with pytest.raises(ConnectionError):
            await Client.open(port, path=path)
    for message in (
        {"type": "auth", "token": token + "x"},
        {"type": "auth", "token": token, "extra": token},
        {"type": token},
        {"type": "bid", "auction_id": auction_id, "bid_id": "w", "amount": str(CEILINGS[2]), "kind": "max"},
        {"type": "watch", "topic": token},
    ):
        client = await Client.open(port)
        client.send(message)
        client.send_text(msgspec.json.encode(message)[:-1])
        client.send({"type": "ping", "ref": "last"})
        with contextlib.suppress(Closed):
            await client.receive("pong", ref="last")
        client.leave()


async def test_no_log_and_no_answer_to_another_user_contains_a_token_or_a_ceiling(
    start_redis: StartRedis, tmp_path: Path
) -> None:
    redis = start_redis()
    async with harness_in(redis, 1) as harness:
        with (
            Service("auction", redis.url, tmp_path, log_decisions=1.0) as auction,
            Service("live", redis.url, tmp_path, log_decisions=1.0) as live,
            Gateway(
                tmp_path / "gateway", auction=f"127.0.0.1:{auction.port}", live=f"127.0.0.1:{live.port}"
            ) as gateway,
            Api(auction.wait_until_ready(), tmp_path, f"{gateway.url}/auction") as api,
        ):
            await asyncio.to_thread(live.wait_until_ready)
            seller, anna, ben, cleo = api.token("Sam", "seller"), *map(api.token, ("Anna", "Ben", "Cleo"))
            auction_id = api.create(seller, reserve_price=RESERVE, extension_window_ms=0)
            events_received: list[str] = []
            async with welcomed(gateway.http_port, cleo) as watcher, welcomed(gateway.http_port, ben) as bidder:
                await watcher.watch(auction_id)
                api.bid(auction_id, CEILINGS[0], anna, kind="max")
                bid = {"type": "bid", "auction_id": auction_id, "bid_id": "b", "amount": 1_000, "kind": "max"}
                events_received.append(str(await bidder.ask(bid, "bid_result")))
                await misbehave(gateway.http_port, api, anna, auction_id)
                redis.freeze()
                late = {**bid, "bid_id": "late", "amount": CEILINGS[1]}
                await bidder.ask(late, "bid_result", outcome="pending")
                pending = await asyncio.to_thread(api.bid, auction_id, CEILINGS[0] + 1, anna, "max")
                redis.thaw()
                events_received += [pending.text, api.get(f"/v1/auctions/{auction_id}", by=cleo).text]
                await harness.pipe.up.wait()
                # A corrupt state is a fault that is logged with its details.
                redis.ask("HSET", f"auction:{{{auction_id}}}", "price", "nonsense")
                events_received.append(api.bid(auction_id, CEILINGS[1] + 2, ben, "max").text)
                events_received.append(api.get(f"/v1/auctions/{auction_id}", by=cleo).text)
                events_received.append(api.get(f"/v1/auctions/{auction_id}/events", by=cleo).text)
            for service in (auction, live, *harness.hammers):
                service.stop()
            # nginx writes its last lines when it ends.
            gateway.close()

            secrets = [*secret_parts(seller), *secret_parts(anna), *secret_parts(ben), *secret_parts(cleo)]
            secrets += [str(amount) for amount in (*CEILINGS, RESERVE, CEILINGS[0] + 1, CEILINGS[1] + 2)]
            secrets += (tmp_path / KEY_FILE).read_text().splitlines()[1:-1]
            logs: dict[str, str] = {service.name: service.log() for service in (auction, live, *harness.hammers)}
            logs["nginx"] = gateway.logs()
            assert all(logs.values())
            assert "corrupt_auction" in logs["auction"]
            assert {'"path":"/auction/v1/none"', '"path":"/live/v2"', '"status":101'} <= set(
                re.findall(r'"path":"/auction/v1/none"|"path":"/live/v2"|"status":101', logs["nginx"])
            )
            for name, text in {**logs, "answers": "\n".join(events_received)}.items():
                found = [secret for secret in secrets if secret in text]
                assert not found, f"{name}: {found}"
