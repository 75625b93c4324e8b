"""`blytz up` stops its processes in order, in time, and leaves none behind."""

import re
import signal
import socket
import time

import httpx
import pytest

from tests.support.platform import STOPPED_WITHIN_S, Platform, StartPlatform
from tests.support.wait import wait_until

SECOND_START_WITHIN_S = 3.0
ANSWER = b"\x88\x82\0\0\0\0\x03\xf4"
"""A close frame with 1012, as a client sends it back: masked, here with nothing."""


def no_process_is_left(platform: Platform) -> bool:
    return not platform.processes() and all(platform.get("/health", name)[0] == 0 for name in platform.ports)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_platform_asked_to_stop_leaves_no_process_behind(
    start_platform: StartPlatform, how: signal.Signals
) -> None:
    platform = start_platform()
    assert len(platform.processes()) >= 5
    began = time.monotonic()
    assert platform.stop(how) == 0
    assert time.monotonic() - began < STOPPED_WITHIN_S
    assert no_process_is_left(platform)
    assert not (platform.data / "run" / "platform.json").exists()


def test_viewers_are_asked_to_reconnect(start_platform: StartPlatform) -> None:
    platform = start_platform()
    with socket.create_connection(("127.0.0.1", platform.ports["nginx"]), timeout=STOPPED_WITHIN_S) as wire:
        wire.sendall(
            b"GET /live/v1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Protocol: blytz.v1\r\n\r\n"
        )
        received = wire.recv(65_536)
        platform.process.send_signal(signal.SIGTERM)
        # A close frame with 1012 (service restart); nginx passed it on, so nginx ended later.
        while not re.search(rb"\x88[\x02-\x7d]\x03\xf4", received):
            chunk = wire.recv(65_536)
            assert chunk, "the connection ended without a close frame"
            received += chunk
        wire.sendall(ANSWER)
        assert wire.recv(65_536) == b""
    assert platform.process.wait(timeout=STOPPED_WITHIN_S) == 0


def test_a_killed_platform_leaves_no_process_behind(start_platform: StartPlatform) -> None:
    platform = start_platform()
    platform.stop(signal.SIGKILL)
    wait_until(lambda: no_process_is_left(platform), "all processes have ended", STOPPED_WITHIN_S)


def test_a_platform_stopped_while_starting_leaves_no_process_behind(start_platform: StartPlatform) -> None:
    platform = start_platform()
    platform.stop()
    platform.start(wait=False)
    wait_until(lambda: len(platform.processes()) >= 2, "the first processes run")
    assert platform.stop() == 0
    assert no_process_is_left(platform)


def test_a_process_that_ignores_the_signal_is_killed_in_time(start_platform: StartPlatform) -> None:
    platform = start_platform()
    platform.kill("live", signal.SIGSTOP)
    assert platform.stop() == 0
    assert no_process_is_left(platform)
    assert "live did not stop within" in platform.log()


def test_a_second_signal_ends_the_platform_at_once(start_platform: StartPlatform) -> None:
    platform = start_platform()
    platform.kill("live", signal.SIGSTOP)
    platform.process.send_signal(signal.SIGINT)
    wait_until(lambda: "| stopping" in platform.log(), "it handles the first signal")
    began = time.monotonic()
    assert platform.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 3
    assert no_process_is_left(platform)


def an_auction(platform: Platform) -> str:
    made = httpx.post(
        f"{platform.url}/auction/v1/auctions",
        json={"title": "A lamp", "terms": {"duration_ms": 3_600_000}},
        headers={"Authorization": f"Bearer {platform.token('anna', 'seller')}"},
    )
    assert made.status_code == 201, made.text
    return f"/auction/v1/auctions/{made.json()['auction_id']}"


@pytest.mark.alone
def test_the_next_start_has_all_data_and_is_quick(start_platform: StartPlatform) -> None:
    platform = start_platform()
    auction = an_auction(platform)

    def seconds_to_start() -> float:
        platform.stop()
        began = time.monotonic()
        platform.start()
        took_s = time.monotonic() - began
        assert platform.get(auction)[0] == 200
        return took_s

    # The best of three, so that other load on the machine does not matter.
    assert any(seconds_to_start() < SECOND_START_WITHIN_S for _ in range(3))


def test_the_next_start_after_a_kill_has_all_data(start_platform: StartPlatform) -> None:
    platform = start_platform()
    auction = an_auction(platform)
    platform.stop(signal.SIGKILL)
    wait_until(lambda: no_process_is_left(platform), "all processes have ended", STOPPED_WITHIN_S)
    platform.start()
    assert platform.get(auction)[0] == 200
