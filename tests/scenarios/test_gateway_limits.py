"""The limits of one address at the gateway, and the retry time in its refusals."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.support.gateway import NO_AUTHORITIES, Gateway, abort
from tests.support.http import problem
from tests.support.live_client import Client
from tests.support.platform import Platform
from tests.support.wait import wait_until

Start = Callable[..., Gateway]
MANY = 300


@pytest.fixture
def start(tmp_path: Path, platform: Platform) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(**settings: object) -> Gateway:
            return stack.enter_context(Gateway(tmp_path / "data", platform, **settings))

        yield begin


def answers(gateway: Gateway, count: int, **headers: str) -> list[httpx.Response]:
    """One after the other over one connection, so that the limit allows few more while they are sent."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.Client(base_url=gateway.url, headers=named, verify=NO_AUTHORITIES) as client:
        return [client.get("/health") for _ in range(count)]


def statuses(gateway: Gateway, count: int, **headers: str) -> list[int]:
    return [answer.status_code for answer in answers(gateway, count, **headers)]


def is_refusal(answer: httpx.Response) -> None:
    """It states the retry time and can be read by a browser."""
    assert problem(answer, 429, "rate_limited")["retry_after_ms"] == 1_000
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["cache-control"] == "no-store"


def test_requests_over_the_burst_are_refused_and_later_ones_accepted(start: Start) -> None:
    gateway = start(requests_per_s=2, requests_burst=20)
    assert set(statuses(gateway, 10)) == {200}
    is_refusal(next(answer for answer in answers(gateway, 40) if answer.status_code != 200))
    wait_until(lambda: statuses(gateway, 1) == [200], "the address may ask again")


def test_a_forwarded_address_sent_by_a_client_does_not_change_its_limit(start: Start) -> None:
    gateway = start(requests_per_s=1, requests_burst=5)
    seen = [statuses(gateway, 1, X_Forwarded_For=f"192.0.2.{n}", X_Real_IP=f"192.0.2.{n}")[0] for n in range(20)]
    assert 429 in seen


def test_behind_a_trusted_proxy_each_ipv4_address_and_each_ipv6_network_has_its_own_limit(start: Start) -> None:
    gateway = start(requests_per_s=1, requests_burst=5, trusted_proxies="127.0.0.1")
    assert 429 in statuses(gateway, 20, X_Forwarded_For="192.0.2.1")
    # Addresses further left were sent by the client.
    assert 429 in statuses(gateway, 20, X_Forwarded_For="192.0.2.2, 192.0.2.1")
    assert statuses(gateway, 1, X_Forwarded_For="192.0.2.2") == [200]
    home = [statuses(gateway, 1, X_Forwarded_For=f"2001:db8:1:2:{n:x}::{n:x}")[0] for n in range(1, 21)]
    assert 429 in home
    assert statuses(gateway, 1, X_Forwarded_For="2001:db8:1:3::1") == [200]


def test_concurrent_requests_are_counted_until_they_are_answered(start: Start) -> None:
    gateway = start(requests_at_once=2)
    begun = b"POST /auction/v1/auctions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"
    with ExitStack() as held:
        for _ in range(2):
            wire = held.enter_context(socket.create_connection(("127.0.0.1", gateway.http_port)))
            wire.sendall(begun)
        wait_until(lambda: gateway.get("/health").status_code == 429, "both connections are counted")
        is_refusal(gateway.get("/health"))
    wait_until(lambda: gateway.get("/health").status_code == 200, "both connections are closed")


async def test_concurrent_connections_are_counted_until_they_close(start: Start) -> None:
    gateway = await asyncio.to_thread(start, sockets_at_once=3)
    opened = [await Client.open(gateway.http_port) for _ in range(3)]
    with pytest.raises(ConnectionError, match="429 Too Many Requests"):
        await Client.open(gateway.http_port)
    assert (await asyncio.to_thread(gateway.get, "/health")).status_code == 200
    await abort(opened[0])

    async def again() -> Client:
        async with asyncio.timeout(5):
            while True:
                try:
                    return await Client.open(gateway.http_port)
                except ConnectionError:
                    await asyncio.sleep(0.02)

    await abort(await again(), *opened[1:])


def test_handshakes_have_their_own_rate_limit(start: Start) -> None:
    gateway = start(sockets_per_s=1, sockets_burst=3)
    # Not a WebSocket, but counted too, because it reaches the live gateway.
    seen = [gateway.get("/live/v1") for _ in range(20)]
    is_refusal(next(answer for answer in seen if answer.status_code == 429))
    assert statuses(gateway, 1) == [200]


def test_networks_of_the_operator_have_no_limit(start: Start) -> None:
    gateway = start(requests_per_s=1, requests_burst=1, unlimited="127.0.0.0/8")
    assert set(statuses(gateway, MANY)) == {200}


def test_on_a_developers_machine_there_is_no_limit(platform: Platform) -> None:
    with httpx.Client(base_url=platform.url) as client:
        assert {client.get("/health").status_code for _ in range(1_500)} == {200}


def test_a_page_of_an_allowed_origin_may_read_what_the_gateway_refuses_itself(tmp_path: Path) -> None:
    shop, other = "https://shop.example", "https://other.example"
    nobody = {"auction": "127.0.0.1:1", "live": "127.0.0.1:1"}
    with Gateway(tmp_path / "data", None, origins=shop, requests_per_s=1, requests_burst=3, **nobody) as gateway:
        url = f"{gateway.url}/auction/v1/auctions"
        wait_until(lambda: gateway.get("/auction/v1/auctions").status_code == 503, "requests are counted anew")
        found: dict[int, httpx.Response] = {}
        for body in [b"x" * 200_000, *[b"{}"] * 8]:
            answer = httpx.post(url, content=body, headers={"Origin": shop})
            found.setdefault(answer.status_code, answer)
        assert set(found) == {413, 429, 503}
        for answer in found.values():
            assert answer.headers.get_list("access-control-allow-origin") == [shop]
            assert "retry-after" in answer.headers["access-control-expose-headers"]
            assert "Origin" in answer.headers.get_list("vary")
        stranger = httpx.post(url, content=b"{}", headers={"Origin": other})
        assert "access-control-allow-origin" not in stranger.headers
