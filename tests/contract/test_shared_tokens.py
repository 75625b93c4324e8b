"""A token that one process has verified is known to all of them."""

import time
from collections.abc import AsyncIterator

import pytest

from blytz.identity import Principal, TokenRefused
from blytz.identity.bans import Bans
from blytz.identity.redis.tokens import KEY, SharedIdentity
from blytz.identity.remembered import RememberedIdentity
from blytz.kit.redis.pipe import RedisPipe
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.wait import until


class CountingIssuer:
    """Accepts one token, and counts how often it was asked."""

    def __init__(self, expires_in_ms: int = 60_000) -> None:
        self.principal = Principal("usr_anna", "Anna", ("bidder",), time.time_ns() // 1_000_000 + expires_in_ms)
        self.asked = 0

    def verify(self, token: str) -> Principal:
        self.asked += 1
        if token != "good":
            raise TokenRefused("not signed by us")
        return self.principal

    async def admit(self, token: str) -> Principal:
        return self.verify(token)


@pytest.fixture
async def pipe(redis: RedisServer) -> AsyncIterator[RedisPipe]:
    async with connected(redis.url) as pipe:
        yield pipe


def kept(redis: RedisServer) -> list[bytes]:
    found: list[bytes] = redis.ask("KEYS", f"{KEY}*")
    return found


async def test_a_token_is_verified_once_for_all_processes(redis: RedisServer, pipe: RedisPipe) -> None:
    issuer = CountingIssuer()
    for _ in range(3):
        process = RememberedIdentity(SharedIdentity(issuer, pipe, "us"), Bans())
        assert await process.admit("good") == issuer.principal
        assert process.verify("good") == issuer.principal
        await until(lambda: len(kept(redis)) == 1, "it is kept")

    assert issuer.asked == 1
    assert b"good" not in b"".join([*kept(redis), redis.ask("GET", kept(redis)[0])])
    assert 0 < redis.ask("PTTL", kept(redis)[0]) <= 60_000


async def test_a_refused_token_is_not_remembered(redis: RedisServer, pipe: RedisPipe) -> None:
    identity = SharedIdentity(CountingIssuer(), pipe, "us")

    with pytest.raises(TokenRefused):
        await identity.admit("forged")

    assert kept(redis) == []


async def test_a_token_counts_only_where_the_same_issuers_are_accepted(
    redis: RedisServer, pipe: RedisPipe
) -> None:
    issuer = CountingIssuer()
    await SharedIdentity(issuer, pipe, "us").admit("good")
    await until(lambda: len(kept(redis)) == 1, "it is kept")

    await SharedIdentity(issuer, pipe, "others").admit("good")

    assert issuer.asked == 2


async def test_a_revoked_token_is_refused_although_it_is_remembered(pipe: RedisPipe) -> None:
    issuer, bans = CountingIssuer(), Bans()
    await SharedIdentity(issuer, pipe, "us").admit("good")
    bans.revoked_before = {"usr_anna": 1}

    with pytest.raises(TokenRefused, match="revoked"):
        await RememberedIdentity(SharedIdentity(issuer, pipe, "us"), bans).admit("good")


async def test_without_redis_tokens_are_verified_here(own_redis: RedisServer) -> None:
    issuer = CountingIssuer()
    async with connected(own_redis.url) as pipe:
        own_redis.stop()
        assert await SharedIdentity(issuer, pipe, "us").admit("good") == issuer.principal
