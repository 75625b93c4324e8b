"""Connections to Redis: unix socket, TCP, TLS, with a password or as another user."""

from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from blytz.auction.model import Receipt
from blytz.auction.redis.store import RedisStore
from blytz.kit.redis.pipe import RedisError, RedisPipe
from tests.conftest import StartRedis
from tests.support.auctions import ANNA, CAUSE, bid, listing
from tests.support.certificates import make_certificates
from tests.support.pipes import connected
from tests.support.wait import until

BLYTZ = "blytz on >pw ~* &* +@all -@dangerous +info"


async def can_hold_an_auction(url: str, auction_id: str = "auc_1") -> None:
    """Creates an auction and bids over this connection."""
    async with connected(url, no_timeout=True) as pipe:
        store = RedisStore(pipe)
        await store.create(listing(auction_id), CAUSE)
        assert isinstance(await store.place_bid(auction_id, bid(ANNA, 300), CAUSE), Receipt)


async def test_redis_can_be_used_by_tcp_and_unix_socket_with_a_password(start_redis: StartRedis) -> None:
    server = start_redis(tcp=True, password="p-w")
    await can_hold_an_auction(server.url)
    await can_hold_an_auction(server.tcp_url, "auc_2")


async def test_a_redis_user_without_dangerous_commands_is_enough(start_redis: StartRedis) -> None:
    server = start_redis(users=[BLYTZ])
    await can_hold_an_auction(server.url_as("blytz", "pw"))
    async with connected(server.url_as("blytz", "pw"), no_timeout=True) as pipe:
        for command in (("FLUSHALL",), ("CONFIG", "GET", "*"), ("SHUTDOWN",)):
            with pytest.raises(RedisError, match="NOPERM"):
                await pipe.call(*command)


async def test_another_redis_database_can_be_used(start_redis: StartRedis) -> None:
    server = start_redis(tcp=True)
    async with connected(f"{server.tcp_url}/3", no_timeout=True) as pipe:
        await pipe.call("SET", "key", "x")
    assert b"db3" in server.ask("INFO", "keyspace")


async def test_redis_can_be_used_by_tls_with_a_certificate_of_a_trusted_authority(
    start_redis: StartRedis, tmp_path: Path
) -> None:
    certificates = make_certificates(tmp_path / "ours")
    server = start_redis(tls=certificates, password="p-w")
    await can_hold_an_auction(f"rediss://:p-w@localhost:{server.tls_port}?ssl_ca_certs={certificates / 'ca.pem'}")


async def assert_no_connection(url: str, reason: str, allow_connection: Callable[[], None] | None = None) -> None:
    """A pipe that cannot connect keeps trying, logs the reason once, and is not up."""
    with capture_logs() as logs:
        pipe = RedisPipe(url, "test")
        await pipe.start()
        try:
            await until(lambda: any(reason in entry.get("error", "") for entry in logs), f"{reason} is logged")
            assert not pipe.up.is_set()
            if allow_connection:
                allow_connection()
                await until(pipe.up.is_set, "it kept trying")
                assert await pipe.call("PING") == b"PONG"
        finally:
            await pipe.close()
    assert [entry["event"] for entry in logs] == ["redis_away"]


async def test_a_wrong_password_is_logged_once_and_retried_until_it_is_right(start_redis: StartRedis) -> None:
    server = start_redis(password="right")

    def make_it_right() -> None:
        server.ask("CONFIG", "SET", "requirepass", "wrong")
        server.password = "wrong"

    await assert_no_connection(server.url_as("", "wrong"), "WRONGPASS", make_it_right)


async def test_an_unknown_redis_user_gets_no_connection(start_redis: StartRedis) -> None:
    server = start_redis(users=[BLYTZ])
    await assert_no_connection(server.url_as("stranger", "pw"), "WRONGPASS")


async def test_without_the_password_there_is_no_connection(start_redis: StartRedis) -> None:
    server = start_redis(password="right")
    await assert_no_connection(f"unix://{server.socket}", "NOAUTH")


async def test_a_server_with_an_untrusted_certificate_is_refused(start_redis: StartRedis, tmp_path: Path) -> None:
    server = start_redis(tls=make_certificates(tmp_path / "theirs"))
    ours = make_certificates(tmp_path / "ours")
    await assert_no_connection(
        f"rediss://localhost:{server.tls_port}?ssl_ca_certs={ours / 'ca.pem'}", "CERTIFICATE_VERIFY_FAILED"
    )
