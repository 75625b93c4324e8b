"""The examples of answers that a healthy platform never gives, each received from one with a failure."""

import base64
import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import redis

from blytz.kit.http.asgi import MAX_REQUESTS
from blytz.kit.sql.database import MAX_CONNECTIONS
from infra.ports import free_port
from tests.support.example_runner import ExampleRunner, is_as_shown
from tests.support.live_client import welcomed
from tests.support.livekit import StandInLiveKit
from tests.support.operations import Ask, Operation, operations
from tests.support.platform import Platform
from tests.support.postgresql import PostgreSQLServer, programs
from tests.support.redis import RedisServer
from tests.support.refusals import WAYS
from tests.support.specs import document
from tests.support.wait import wait_until

OPERATIONS = operations()
IN_FLIGHT = 24
CROWD = 48
CATALOGUE = {one.id for one in OPERATIONS if {"shows", "video"} & set(one.document["tags"])}
WITH_KEY = {"createShow", "addLot", "createTemplate", "createReport"}
WITHOUT_REDIS = {"listBans", "getBan", "signIn"} | (CATALOGUE - WITH_KEY)
"""They do not wait for Redis, so a frozen one cannot fill their queue: only other requests can."""
MAX_BANS = 100_000
WITHIN_S = 5.0


@pytest.fixture(scope="module")
def issuer_down() -> str:
    """The URL of an issuer that does not run."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQLServer | None]:
    """Because it can fail while the platform runs; None where it is not installed."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(PostgreSQLServer()) if programs() else None


@pytest.fixture(scope="module")
def video() -> Iterator[StandInLiveKit]:
    with StandInLiveKit() as video:
        yield video


@pytest.fixture(scope="module")
def runner(
    own_redis: RedisServer, database: PostgreSQLServer | None, issuer_down: str, video: StandInLiveKit
) -> Iterator[ExampleRunner]:
    platform = Platform(
        env={
            "REDIS_URL": own_redis.url,
            **video.settings,
            **({"DATABASE_URL": database.url} if database else {}),
            "BLYTZ_BIDS_IN_FLIGHT": str(IN_FLIGHT),
            "BLYTZ_OIDC_ISSUERS": f"{issuer_down}=blytz",
            # High limits, because requests are repeated until the failure shows.
            **{f"BLYTZ_{what}_{how}": "10000" for what in ("BIDS", "WRITES") for how in ("PER_S", "BURST")},
        }
    )
    runner = ExampleRunner(platform)
    yield runner
    runner.close()
    platform.close()


def documented(status: str, code: str) -> list[Operation]:
    return [operation for operation in OPERATIONS if code in operation.answer_examples(status)]


@pytest.fixture(autouse=True)
def recovered(runner: ExampleRunner) -> None:
    """Waits until the platform has recovered from the test before."""

    def is_ready() -> bool:
        return all(runner.platform.get("/ready", service)[0] == 200 for service in ("auction", "live"))

    wait_until(is_ready, "all services are ready", WITHIN_S * 4)


def batched(asks: list[Ask]) -> Iterator[list[Ask]]:
    """So few that together they wait for less of Redis than the platform allows."""
    for first in range(0, len(asks), IN_FLIGHT // 4):
        yield asks[first : first + IN_FLIGHT // 4]


def assert_answered(runner: ExampleRunner, asks: list[Ask], status: str, code: str) -> None:
    """Sends all concurrently, each until it gets this answer, and checks it."""

    def ask(one: Ask) -> httpx.Response:
        answers: list[httpx.Response] = []

        def is_as_documented() -> bool:
            answers.append(runner.send(one))
            return answers[-1].status_code == int(status) and answers[-1].json()["code"] == code

        with contextlib.suppress(TimeoutError):
            wait_until(is_as_documented, f"{one.operation.id} answers {code}", WITHIN_S)
        return answers[-1]

    with ThreadPoolExecutor(len(asks)) as pool:
        answers = list(pool.map(ask, asks))
    bad = []
    for one, answer in zip(asks, answers, strict=True):
        try:
            is_as_shown(answer, one.operation, status, code)
        except (AssertionError, KeyError):
            bad.append((one.operation.id, answer.status_code, answer.text[:90]))
    assert not bad, bad


def has_ended(runner: ExampleRunner, ask: Ask) -> bool:
    state = runner.http.get(f"/auction/v1/auctions/{ask.parts['auction_id']}").json()
    return bool(state["server_at"] >= state["ends_at"])


def test_auction_ended(runner: ExampleRunner) -> None:
    """The hammer is frozen, so the auction stays open after its end."""
    hammer = runner.platform.pids["hammer"]
    os.kill(hammer, signal.SIGSTOP)
    try:
        asks = [WAYS["auction_ended"](runner, one) for one in documented("409", "auction_ended")]
        wait_until(lambda: all(has_ended(runner, ask) for ask in asks), "the auctions have ended")
        assert_answered(runner, asks, "409", "auction_ended")
    finally:
        os.kill(hammer, signal.SIGCONT)


def test_issuer_unavailable(runner: ExampleRunner, issuer_down: str) -> None:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"iss": issuer_down, "aud": "blytz", "sub": "somebody", "iat": 1, "exp": 9_999_999_999}
    token = f"{part({'alg': 'RS256', 'kid': 'k1'})}.{part(claims)}.{'A' * 342}"
    asks = [runner.good(one).but(token=token) for one in documented("503", "issuer_unavailable")]
    assert_answered(runner, asks, "503", "issuer_unavailable")


def test_overloaded(runner: ExampleRunner, own_redis: RedisServer) -> None:
    asks = [runner.good(one) for one in documented("503", "overloaded") if one.id not in WITHOUT_REDIS]
    auction_id = runner.open()
    body = {"bid_id": "b-1", "amount": 1_000}
    crowd = [Ask(runner.bidding, runner.person("bidder"), body, {"auction_id": auction_id}) for _ in range(CROWD)]
    own_redis.freeze()
    try:
        with ThreadPoolExecutor(CROWD) as pool:
            answers = [pool.submit(runner.send, one) for one in crowd * 4]
            assert_answered(runner, asks, "503", "overloaded")
            assert all(answer.result().status_code == 503 for answer in answers)
    finally:
        own_redis.thaw()


def test_overloaded_by_requests_at_work(runner: ExampleRunner) -> None:
    """Requests whose bodies never come, sent to the service's own port, because nginx would buffer them."""
    asks = [runner.good(one) for one in documented("503", "overloaded") if one.id != runner.bidding.id]
    bid = runner.good(runner.bidding)
    assert {ask.operation.id for ask in asks} >= WITHOUT_REDIS
    unfinished = (
        b"POST /v1/dev/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
    )
    with contextlib.ExitStack() as held:
        for _ in range(MAX_REQUESTS):
            connection = socket.create_connection(("127.0.0.1", runner.platform.ports["auction"]))
            held.enter_context(connection)
            connection.sendall(unfinished)
        full = f"blytz_http_requests_in_flight {MAX_REQUESTS}.0"
        wait_until(lambda: full in runner.operator.get("/metrics").text, "the request limit is reached", WITHIN_S)
        assert_answered(runner, asks, "503", "overloaded")
        assert runner.http.get("/health").status_code == 200
        # Bids have their own limit.
        assert runner.send(bid).status_code == 201


def test_pending(runner: ExampleRunner, own_redis: RedisServer) -> None:
    asks = [runner.good(one) for one in documented("503", "pending")]
    for few in batched(asks):
        own_redis.freeze()
        try:
            assert_answered(runner, few, "503", "pending")
        finally:
            own_redis.thaw()
        wait_until(lambda: runner.platform.get("/ready", "auction")[0] == 200, "Redis answers again")


def test_store_unavailable(runner: ExampleRunner, own_redis: RedisServer) -> None:
    asks = [runner.good(one) for one in documented("503", "store_unavailable") if one.id not in WITHOUT_REDIS]
    own_redis.kill()
    try:
        assert_answered(runner, asks, "503", "store_unavailable")
    finally:
        own_redis.start()


def test_video_unavailable(runner: ExampleRunner, video: StandInLiveKit) -> None:
    asks = [runner.good(one) for one in documented("503", "video_unavailable") if "participant" in one.path]
    video.stop()
    try:
        assert_answered(runner, asks, "503", "video_unavailable")
    finally:
        video.start()


def of_catalogue(runner: ExampleRunner, database: PostgreSQLServer | None, code: str) -> list[Ask]:
    if database is None:
        pytest.skip("PostgreSQL is not installed: `apt-get install postgresql`")
    return [runner.good(one) for one in documented("503", code) if one.id in CATALOGUE]


def test_store_unavailable_while_the_database_is_away(
    runner: ExampleRunner, database: PostgreSQLServer | None
) -> None:
    asks = of_catalogue(runner, database, "store_unavailable")
    assert database
    database.stop()
    try:
        assert_answered(runner, asks, "503", "store_unavailable")
    finally:
        database.start()


def test_overloaded_while_the_database_answers_nobody(
    runner: ExampleRunner, database: PostgreSQLServer | None
) -> None:
    asks = of_catalogue(runner, database, "overloaded")
    assert database
    [read] = [ask for ask in asks if ask.operation.id == "listShows"]
    with database.locked("show.shows"), ThreadPoolExecutor(CROWD) as pool:
        crowd = [pool.submit(runner.send, read) for _ in range(MAX_CONNECTIONS)]
        # The hammer process waits as well.
        wait_until(lambda: database.waiting_for_locks() > MAX_CONNECTIONS, "all connections are in use")
        assert_answered(runner, asks, "503", "overloaded")
        # What waited for the lock until its time was over.
        assert {answer.result().status_code for answer in crowd} == {503}


async def test_a_bid_over_websocket_with_an_unknown_outcome_is_pending(
    runner: ExampleRunner, own_redis: RedisServer
) -> None:
    auction_id, token = runner.open(), runner.person("bidder")
    messages = document("asyncapi.yaml")["components"]["messages"]
    [shown] = [
        one["payload"] for one in messages["bid_result"]["examples"] if one["payload"]["outcome"] == "pending"
    ]
    async with welcomed(runner.platform.ports["nginx"], token) as client:
        own_redis.freeze()
        try:
            client.send({"type": "bid", "auction_id": auction_id, "bid_id": shown["bid_id"], "amount": 1_000})
            answer = await client.receive("bid_result")
        finally:
            own_redis.thaw()
    assert answer == shown


def test_too_many_bans(runner: ExampleRunner, own_redis: RedisServer) -> None:
    asks = [runner.good(one) for one in documented("409", "too_many_bans")]
    ban = json.dumps({"user_id": "u", "reason": "r", "banned_by": "a", "banned_at": 1})
    with redis.Redis(unix_socket_path=str(own_redis.socket)) as store:
        store.hset("{identity}:bans", mapping={f"u{number}": ban for number in range(MAX_BANS)})
        store.hset("{identity}:revoked", mapping={f"u{number}": 2**52 for number in range(MAX_BANS)})
        store.incr("{identity}:version")
    admin, last = runner.person("admin"), f"/auction/v1/admin/bans/u{MAX_BANS - 1}"
    wait_until(
        lambda: runner.http.get(last, headers={"Authorization": f"Bearer {admin}"}).status_code == 200,
        "the service has read the bans",
        WITHIN_S * 4,
    )
    assert_answered(runner, asks, "409", "too_many_bans")


def test_lot_damaged(runner: ExampleRunner, own_redis: RedisServer) -> None:
    asks = []
    for one in documented("409", "lot_damaged"):
        seller = runner.person("seller")
        lot_id = runner.fixed_lot(seller)
        lot = runner.http.get(f"/auction/v1/lots/{lot_id}").json()
        with redis.Redis(unix_socket_path=str(own_redis.socket)) as store:
            store.hset(f"offer:{{{lot['auction_id']}}}", "left", "x")
        if one.id == "resumeShow":
            headers = {"Authorization": f"Bearer {seller}"}
            paused = runner.http.post(f"/auction/v1/shows/{lot['show_id']}/pause", headers=headers)
            assert paused.status_code == 409, paused.text
        subject = {"lot_id": lot_id} if one.id == "closeLot" else {"show_id": lot["show_id"]}
        asks.append(runner.good(one).but(token=seller, parts=subject))
    assert_answered(runner, asks, "409", "lot_damaged")
