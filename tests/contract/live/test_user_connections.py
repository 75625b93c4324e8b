"""How many connections one user may have, over all gateways together."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from blytz.kit.problems import StoreUnavailable
from blytz.live.redis.connection_counts import GATEWAYS, USER, RedisConnectionCounts
from blytz.live.user_connections import MAX_REPORTED_AT_ONCE, UserConnections
from tests.contract.live.conftest import Connect, StartGateway
from tests.support.live_client import Client, Closed
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.wait import until

MAX_CONNECTIONS = 3


async def stays(client: Client) -> bool:
    """Whether the connection is still open; a closed one must have received the reason."""
    client.send({"type": "ping"})
    try:
        while (message := await client.next())["type"] != "pong":
            if message["type"] == "error":
                assert (message["code"], message["retry_after_ms"] > 0) == ("rate_limited", True)
    except Closed as closed:
        code = closed.code
    else:
        return True
    assert code == 4429
    return False


def reported(redis: RedisServer, user_id: str = "anna") -> int:
    """Connections of a user that Redis knows of."""
    return sum(int(count) for count in redis.ask("HVALS", USER + user_id))


async def test_two_gateways_together_enforce_one_connection_limit_per_user(
    start_gateway: StartGateway, connect: Connect, shared_redis: RedisServer
) -> None:
    here, there = [start_gateway(connections_per_user=MAX_CONNECTIONS) for _ in range(2)]
    token = here.token("Octavia")
    octavia = here.issuer.verify(token).id

    def connections() -> float:
        return here.metric("blytz_connections") + there.metric("blytz_connections")

    clients = [await connect(to=gateway) for gateway in (here, there) for _ in range(MAX_CONNECTIONS)]
    for client in clients:
        client.send({"type": "auth", "token": token})
    await until(
        lambda: reported(shared_redis, octavia) == MAX_CONNECTIONS == connections(),
        "as many stay as one allows",
    )
    stayed = [client for client in clients if await stays(client)]
    assert len(stayed) == MAX_CONNECTIONS

    stayed[0].leave()
    await until(lambda: reported(shared_redis, octavia) == MAX_CONNECTIONS - 1, "a slot is free")
    later = await connect(token, to=there)
    await until(lambda: reported(shared_redis, octavia) == MAX_CONNECTIONS, "and taken again")
    assert await stays(later)

    # The connections of a gateway that ends no longer count.
    ending = asyncio.create_task(asyncio.to_thread(there.stop))
    for client in [later, *(client for client in stayed[1:] if client in clients[MAX_CONNECTIONS:])]:
        assert await client.closed() == 1012
        client.leave()
    await ending
    assert reported(shared_redis, octavia) == here.metric("blytz_connections") < MAX_CONNECTIONS


class Tab:
    """A connection of a user, in the process of the test."""

    def __init__(self, users: UserConnections, user_id: str = "anna") -> None:
        self._users, self._user_id = users, user_id
        self.is_in = users.enter(user_id, self)

    def disconnect_excess(self) -> None:
        self.leave()

    def leave(self) -> None:
        self._users.leave(self._user_id, self)
        self.is_in = False


@pytest.fixture
async def gateways(redis: RedisServer) -> AsyncIterator[list[UserConnections]]:
    """Two, each with its own connection to Redis."""
    async with AsyncExitStack() as stack:
        pipes = [await stack.enter_async_context(connected(redis.url)) for _ in range(2)]
        both = [UserConnections(MAX_CONNECTIONS, RedisConnectionCounts(pipe)) for pipe in pipes]
        following = [asyncio.create_task(users.follow()) for users in both]
        yield both
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)


async def test_earlier_connections_stay_and_the_newest_are_disconnected(
    gateways: list[UserConnections], redis: RedisServer
) -> None:
    here, there = gateways
    first = [Tab(here), Tab(here)]
    await until(lambda: reported(redis) == 2, "the first are reported")
    later = [Tab(there) for _ in range(MAX_CONNECTIONS)]
    assert all(tab.is_in for tab in later), "a connection is accepted before Redis answers"
    await until(lambda: [tab.is_in for tab in later] == [True, False, False], "the newest are disconnected")
    assert all(tab.is_in for tab in first)
    first[0].leave()
    await until(lambda: reported(redis) == 2, "a slot is free")
    assert Tab(there).is_in
    await until(lambda: reported(redis) == MAX_CONNECTIONS, "and taken again")


async def test_the_connections_of_a_dead_gateway_no_longer_count(
    gateways: list[UserConnections], redis: RedisServer
) -> None:
    redis.ask("HSET", USER + "anna", "gw_dead", MAX_CONNECTIONS)
    redis.ask("ZADD", GATEWAYS, 1, "gw_dead")
    tabs = [Tab(gateways[0]) for _ in range(MAX_CONNECTIONS)]
    await until(lambda: reported(redis) == MAX_CONNECTIONS, "they are reported")
    assert all(tab.is_in for tab in tabs)
    for tab in tabs:
        tab.leave()
    await until(lambda: not redis.ask("EXISTS", USER + "anna"), "the key is deleted")


async def test_many_users_are_reported_in_several_calls(
    gateways: list[UserConnections], redis: RedisServer
) -> None:
    tabs = [Tab(gateways[0], f"user {number}") for number in range(2 * MAX_REPORTED_AT_ONCE + 1)]
    await until(
        lambda: all(reported(redis, f"user {number}") == 1 for number in (0, 2 * MAX_REPORTED_AT_ONCE)),
        "all are reported",
    )
    assert all(tab.is_in for tab in tabs)


async def test_a_gateway_stays_counted_when_the_clock_of_redis_is_set_back(redis: RedisServer) -> None:
    """Its lease neither ends at once nor lasts an hour longer."""
    async with connected(redis.url) as pipe:
        counts = RedisConnectionCounts(pipe)
        assert await counts.share("gw_there", MAX_CONNECTIONS, [("anna", 2)]) == [2]
        ahead = int(redis.ask("TIME")[0]) + 3_600
        redis.ask("ZADD", GATEWAYS, ahead, "gw_there")
        assert await counts.share("gw_here", MAX_CONNECTIONS, [("anna", 2)]) == [1]
        assert int(redis.ask("ZSCORE", GATEWAYS, "gw_there")) <= int(redis.ask("TIME")[0])


async def test_a_gateway_whose_lease_may_have_expired_reports_all_counts_again() -> None:
    """The gateway may have been frozen, or Redis down. Leases have whole seconds: 9.1 s may count as ten."""
    answer, ahead_s = list[tuple[str, int]](), 0.0

    class RecordedCounts:
        async def share(self, gateway: str, limit: int, counts: Sequence[tuple[str, int]]) -> Sequence[int]:
            answer.extend(counts)
            return [count for _, count in counts]

    users = UserConnections(MAX_CONNECTIONS, RecordedCounts(), now=lambda: ahead_s)
    following = asyncio.create_task(users.follow())
    Tab(users)
    await until(lambda: answer == [("anna", 1)], "the connection is reported")
    Tab(users, "ben")
    await until(lambda: answer == [("anna", 1), ("ben", 1)], "only changes are reported")
    ahead_s += 9.1
    Tab(users, "cleo")
    await until(lambda: sorted(answer[2:]) == [("anna", 1), ("ben", 1), ("cleo", 1)], "all are reported again")
    following.cancel()


async def test_while_redis_is_down_each_gateway_counts_alone_and_reports_later() -> None:
    refused, answer, is_up = 0, list[tuple[str, int]](), False

    class UnavailableCounts:
        async def share(self, gateway: str, limit: int, counts: Sequence[tuple[str, int]]) -> Sequence[int]:
            nonlocal refused
            if not is_up:
                refused += 1
                raise StoreUnavailable
            answer.extend(counts)
            return [0 for _ in counts]

    users = UserConnections(MAX_CONNECTIONS, UnavailableCounts(), again_after_s=0.001)
    following = asyncio.create_task(users.follow())
    tabs = [Tab(users) for _ in range(MAX_CONNECTIONS)]
    assert not Tab(users).is_in
    await until(lambda: refused > 1, "it is tried again")
    assert all(tab.is_in for tab in tabs)
    is_up = True
    await until(
        lambda: not any(tab.is_in for tab in tabs), "the counts are reported and the excess is disconnected"
    )
    assert answer[0] == ("anna", MAX_CONNECTIONS)
    following.cancel()
