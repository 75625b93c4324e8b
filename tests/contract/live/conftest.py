"""One gateway for all tests of its messages; tests that need other settings start another."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import pytest

from blytz.auction.redis.store import RedisStore
from blytz.show.redis.log import RedisShowLog
from tests.support.auctions import CAUSE, listing
from tests.support.live import GatewayProcess
from tests.support.live_client import Client, welcomed
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.show_json import snapshot

ORIGIN = "https://good.example"
_numbers = itertools.count(1)

Auctions = Callable[..., Awaitable[str]]
Shows = Callable[..., Awaitable[str]]


class Connect(Protocol):
    """Opens a client that has received `welcome`, signed in if there is a token, closed at the end of the test."""

    async def __call__(self, token: str = "", *, to: GatewayProcess | None = None, **headers: str) -> Client: ...


@pytest.fixture(scope="session")
def gateway(shared_redis: RedisServer) -> Iterator[GatewayProcess]:
    with GatewayProcess(shared_redis.url, origins=f"{ORIGIN}, https://also.example:8443") as process:
        yield process
        assert not process.faults()


class StartGateway(Protocol):
    def __call__(self, **settings: str | int) -> GatewayProcess: ...


@pytest.fixture
def start_gateway(shared_redis: RedisServer, gateway: GatewayProcess) -> Iterator[StartGateway]:
    """Starts another gateway on the same Redis, which accepts the same tokens."""
    started: list[GatewayProcess] = []

    def start(**settings: str | int) -> GatewayProcess:
        started.append(GatewayProcess(shared_redis.url, data=gateway.folder, **settings))
        return started[-1]

    yield start
    for process in started:
        assert not process.faults()
        process.close()


@pytest.fixture
async def store(shared_redis: RedisServer) -> AsyncIterator[RedisStore]:
    async with connected(shared_redis.url) as pipe:
        yield RedisStore(pipe)


@pytest.fixture
async def auction(store: RedisStore) -> Auctions:
    """Opens an auction with these terms and returns its id."""

    async def create(**terms: Any) -> str:
        auction_id = f"auc_live{next(_numbers)}"
        await store.create(listing(auction_id, **terms), CAUSE)
        return auction_id

    return create


@pytest.fixture
def log(store: RedisStore) -> RedisShowLog:
    return RedisShowLog(store._pipe)


@pytest.fixture
async def show(log: RedisShowLog) -> Shows:
    """Makes a show with these fields and returns its id."""

    async def fill(**fields: Any) -> str:
        show_id = f"shw_live{next(_numbers)}"
        await log.fill(show_id, snapshot(show_id=show_id, **fields))
        return show_id

    return fill


@pytest.fixture
async def connect(gateway: GatewayProcess) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        async def one(token: str = "", *, to: GatewayProcess | None = None, **headers: str) -> Client:
            return await stack.enter_async_context(welcomed((to or gateway).port, token, **headers))

        yield one
