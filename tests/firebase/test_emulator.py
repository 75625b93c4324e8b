"""Users signed up at the real Firebase emulator sell and bid."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firebase.emulator import PROJECT, Emulator
from tests.support.http import Api, problem
from tests.support.live import GatewayProcess
from tests.support.live_client import welcomed
from tests.support.redis import RedisServer
from tests.support.services import Service

# Installing the emulator, once on a machine, takes minutes.
pytestmark = [pytest.mark.firebase, pytest.mark.timeout(600)]


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(tmp_path) as emulator:
        yield emulator


async def test_one_firebase_user_sells_and_another_bids_over_http_and_websocket(
    emulator: Emulator, redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIREBASE_AUTH_EMULATOR_HOST", emulator.host)
    sam, anna = emulator.sign_up("Sam", roles=["seller"]), emulator.sign_up("Anna")
    wanted = {"env": "test", "firebase_project": PROJECT}
    with (
        Service("auction", redis.url, tmp_path, **wanted) as service,
        Api(service.wait_until_ready(), tmp_path) as api,
    ):
        problem(api.post("/v1/auctions", {"title": "A thing", "terms": {}}, by=anna), 403, "forbidden")
        auction_id = api.create(sam, start_price=100)
        assert api.bid(auction_id, 100, anna).status_code == 201
        assert api.state(auction_id)["leader"]["name"] == "Anna"

        gateway = GatewayProcess(redis.url, env="test", firebase_project=PROJECT)
        try:
            async with welcomed(gateway.port) as client:
                answer = await client.ask({"type": "auth", "token": anna}, "authenticated")
                assert answer["user"]["name"] == "Anna"
                assert answer["user"]["roles"] == ["bidder"]
                bid = {"type": "bid", "auction_id": auction_id, "bid_id": "b", "amount": 5_000, "kind": "max"}
                assert (await client.ask(bid, "bid_result"))["outcome"] == "accepted"
            assert api.state(auction_id)["leader"]["id"] == answer["user"]["id"]
        finally:
            gateway.close()
