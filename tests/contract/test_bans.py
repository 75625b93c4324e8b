"""Bans apply in every process within five seconds, over HTTP and on open connections."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from blytz.identity import Principal, TokenRefused
from blytz.identity.bans import MAX_BANS, POLL_EVERY_S, Ban, Banned, TooManyBans
from blytz.identity.redis.bans import BANS, REVOKED, VERSION, RedisBans
from blytz.kit.problems import Overloaded
from blytz.kit.redis.link import Part
from blytz.kit.redis.pipe import Convert, RedisPipe
from tests.support.http import Api, problem
from tests.support.live import GatewayProcess
from tests.support.live_client import Client, welcomed
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.services import Service
from tests.support.wait import until, wait_until

EVERYWHERE_WITHIN_S = 5.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bans")


@pytest.fixture(scope="module")
def services(shared_redis: RedisServer, folder: Path) -> Iterator[tuple[Api, Api]]:
    """Two, because a change at one must reach the other."""
    with (
        Service("auction", shared_redis.url, folder) as first,
        Service("auction", shared_redis.url, folder) as second,
        Api(first.wait_until_ready(), folder) as one,
        Api(second.wait_until_ready(), folder) as other,
    ):
        yield one, other


@pytest.fixture(scope="module")
def gateway(shared_redis: RedisServer, folder: Path, services: tuple[Api, Api]) -> Iterator[GatewayProcess]:
    process = GatewayProcess(shared_redis.url, data=folder)
    yield process
    assert not process.faults()
    process.close()


@pytest.fixture
def admin(services: tuple[Api, Api]) -> str:
    return services[0].token("Ada", "admin")


def user_of(api: Api, token: str) -> str:
    return api.issuer.verify(token).id


def put(api: Api, path: str, by: str, **body: object) -> None:
    answer = api.http.put(path, json=body, headers={"authorization": f"Bearer {by}"})
    assert answer.status_code == 200, answer.text


def delete(api: Api, path: str, by: str) -> None:
    answer = api.http.delete(path, headers={"authorization": f"Bearer {by}"})
    assert answer.status_code == 204, answer.text


async def codes_until_close(client: Client) -> tuple[list[str], int]:
    received, code = await client.rest(EVERYWHERE_WITHIN_S)
    return [message["code"] for message in received if message["type"] == "error"], code


async def test_a_banned_user_is_refused_by_every_process_within_five_seconds(
    services: tuple[Api, Api], gateway: GatewayProcess, admin: str
) -> None:
    one, other = services
    token, path = one.token("Mallory"), "/v1/admin/bans/" + user_of(one, one.token("Mallory"))
    auction_id = one.create(one.token("Sam", "seller"))
    async with welcomed(gateway.port, token) as inside, welcomed(gateway.port, other.token("Anna")) as bystander:
        assert other.bid(auction_id, 100, token).status_code == 201
        began = time.monotonic()
        put(one, path, admin, reason="paid for nothing")
        assert await codes_until_close(inside) == (["banned"], 4401)
        await until(lambda: other.bid(auction_id, 5_000, token).status_code == 403, "the other one knows")
        assert time.monotonic() - began < EVERYWHERE_WITHIN_S
        for api in services:
            problem(api.bid(auction_id, 5_000, token), 403, "banned")
            problem(api.get("/v1/auctions", by=token), 403, "banned")
            assert "nothing" not in api.get("/v1/auctions", by=token).text
        async with welcomed(gateway.port) as again:
            again.send({"type": "auth", "token": token})
            assert await codes_until_close(again) == (["banned"], 4401)
        assert (await bystander.ask({"type": "ping"}, "pong"))["type"] == "pong"
    delete(one, path, admin)
    await until(lambda: other.get("/v1/auctions", by=token).status_code == 200, "they are let in again")


async def test_revoked_tokens_are_refused_and_a_new_sign_in_is_accepted(
    services: tuple[Api, Api], gateway: GatewayProcess, admin: str
) -> None:
    one, other = services
    token = one.token("Lola")
    async with welcomed(gateway.port, token) as inside:
        put(one, "/v1/admin/revocations/" + user_of(one, token), admin)
        assert await codes_until_close(inside) == (["unauthenticated"], 4401)
    await until(lambda: other.get("/v1/auctions", by=token).status_code == 401, "the other one knows")
    # Tokens have times in whole seconds, so one of the same second counts as revoked.
    await until(lambda: other.get("/v1/auctions", by=one.token("Lola")).status_code == 200, "a new token is good")
    problem(other.get("/v1/auctions", by=token), 401, "unauthenticated")


def test_only_tokens_issued_before_the_revocation_are_revoked(services: tuple[Api, Api], admin: str) -> None:
    one, _ = services
    token = one.token("Early")
    path = "/v1/admin/revocations/" + user_of(one, token)
    put(one, path, admin, before=one.issuer.verify(token).issued_at)
    assert one.get("/v1/auctions", by=token).status_code == 200
    put(one, path, admin, before=one.issuer.verify(token).issued_at + 1)
    problem(one.get("/v1/auctions", by=token), 401, "unauthenticated")
    put(one, path, admin, before=0)
    problem(one.get("/v1/auctions", by=token), 401, "unauthenticated")
    ahead = {"before": int(time.time() * 1000) + 60_000}
    answer = one.http.put(path, json=ahead, headers={"authorization": f"Bearer {admin}"})
    problem(answer, 422, "invalid_request")


def test_admins_see_who_is_banned_and_why(services: tuple[Api, Api], admin: str) -> None:
    one, other = services
    for number in range(3):
        put(one, f"/v1/admin/bans/usr_listed{number}", admin, reason=f"reason {number}")
    ban = one.get("/v1/admin/bans/usr_listed1", by=admin).json()
    assert (ban["reason"], ban["banned_by"]) == ("reason 1", user_of(one, admin))
    assert abs(ban["banned_at"] - time.time() * 1000) < 60_000
    wait_until(lambda: other.get("/v1/admin/bans/usr_listed2", by=admin).status_code == 200, "the other one knows")
    first = other.get("/v1/admin/bans", by=admin, limit=2).json()
    rest = other.get("/v1/admin/bans", by=admin, limit=2, cursor=first["cursor"]).json()
    assert rest["cursor"] is None
    listed = [ban["user_id"] for page in (first, rest) for ban in page["bans"]]
    assert listed == [f"usr_listed{number}" for number in range(3)]
    for number in range(3):
        delete(one, f"/v1/admin/bans/usr_listed{number}", admin)
    problem(one.get("/v1/admin/bans/usr_listed1", by=admin), 404, "not_found")


def test_an_admin_cannot_ban_their_own_account(services: tuple[Api, Api], admin: str) -> None:
    one, _ = services
    path = "/v1/admin/bans/" + user_of(one, admin)
    answer = one.http.put(path, json={"reason": "oops"}, headers={"authorization": f"Bearer {admin}"})
    problem(answer, 403, "forbidden")


@pytest.fixture
async def bans(redis: RedisServer) -> AsyncIterator[RedisBans]:
    async with connected(redis.url) as pipe:
        yield RedisBans(pipe)


async def test_a_ban_remains_after_its_process_ends(bans: RedisBans, redis: RedisServer) -> None:
    await bans.ban("usr_a", "a reason", "usr_admin")
    await bans.revoke("usr_b")
    async with connected(redis.url) as pipe:
        later = RedisBans(pipe)
        assert await later.refresh()
        assert not await later.refresh()
    with pytest.raises(Banned):
        later.bans.check(Principal("usr_a", "A", (), 0))
    with pytest.raises(TokenRefused):
        later.bans.check(Principal("usr_b", "B", (), 0))
    later.bans.check(Principal("usr_c", "C", (), 0))


async def test_a_ban_deleted_in_redis_is_lifted_and_bans_that_cannot_be_read_are_kept(
    bans: RedisBans, redis: RedisServer
) -> None:
    await bans.ban("usr_a", "a reason", "usr_admin")
    redis.ask("SET", BANS, "not a hash")
    redis.ask("INCR", VERSION)
    following = asyncio.create_task(bans.follow())
    await until(lambda: bans.bans.banned.keys() == {"usr_a"}, "the copy is kept")
    redis.ask("DEL", BANS)
    await until(lambda: not bans.bans.banned, "the copy is empty")
    following.cancel()


async def test_a_process_whose_read_of_bans_was_refused_for_load_retries_soon(redis: RedisServer) -> None:
    """Until then it also accepts bids of banned users."""

    class Busy(RedisPipe):
        looks = 0

        def call(self, *command: Part, convert: Convert | None = None) -> Any:
            self.looks += 1
            if self.looks < 5:
                raise Overloaded
            return super().call(*command, convert=convert)

    async with connected(redis.url) as pipe:
        await RedisBans(pipe).ban("usr_a", "a reason", "usr_admin")
    busy = Busy(redis.url, "test")
    await busy.start(timeout_s=EVERYWHERE_WITHIN_S)
    late = RedisBans(busy)
    following = asyncio.create_task(late.follow())
    try:
        await until(lambda: "usr_a" in late.bans.banned, "the ban is seen", within_s=2 * POLL_EVERY_S)
    finally:
        following.cancel()
        await busy.close()


async def test_bans_are_bounded_and_old_revocations_are_deleted_for_new_ones(
    bans: RedisBans, redis: RedisServer
) -> None:
    bans.bans.banned = {f"usr_{n}": Ban(f"usr_{n}", "", "", 0) for n in range(MAX_BANS)}
    with pytest.raises(TooManyBans):
        await bans.ban("usr_new", "one more", "usr_admin")
    await bans.ban("usr_1", "one of them", "usr_admin")
    redis.ask("HSET", REVOKED, "usr_old", int(time.time() * 1000) - 26 * 3_600 * 1_000)
    redis.ask("HSET", REVOKED, "usr_recent", int(time.time() * 1000) - 3_600 * 1_000)
    redis.ask("INCR", VERSION)
    await bans.refresh()
    await bans.revoke("usr_new")
    assert bans.bans.revoked_before.keys() == {"usr_recent", "usr_new"}
