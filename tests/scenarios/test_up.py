"""`blytz up` as a user sees it: one port for the whole platform."""

import json
import re
import shlex
import socket
import stat
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError

from blytz.cli.up.redis_server import machine_memory
from tests.support.platform import SERVICES, Platform

MAX_IDLE_MB = 600


def raw(platform: Platform, request: bytes) -> bytes:
    """The answer of the gateway to bytes that no HTTP client would send."""
    with socket.create_connection(("127.0.0.1", platform.ports["nginx"]), timeout=5) as wire:
        wire.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer and (chunk := wire.recv(65_536)):
            answer += chunk
        return answer


def test_everything_runs_and_is_ready(platform: Platform) -> None:
    assert set(platform.pids) == {"blytz", "redis", "nginx", *SERVICES}
    assert {service: platform.get("/ready", service)[0] for service in SERVICES} == dict.fromkeys(SERVICES, 200)
    assert "Blytz is ready" in platform.log()


def test_the_command_in_the_banner_works_as_printed(platform: Platform) -> None:
    [line] = [line for line in platform.log().splitlines() if "sign in" in line]
    words = shlex.split(line.partition("sign in")[2])
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count(".") == 2


def test_every_line_names_its_process_and_has_no_colours_without_a_terminal(platform: Platform) -> None:
    lines = platform.log().splitlines()
    assert {line.split("|")[0].strip() for line in lines} <= {"blytz", "redis", "nginx", *SERVICES}
    assert {line.index("|") for line in lines} == {len("auction ")}
    assert "\x1b" not in platform.log()


def test_the_python_processes_are_small_when_idle(platform: Platform) -> None:
    def resident_mb(pid: int) -> float:
        text = Path(f"/proc/{pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) / 1024

    assert sum(resident_mb(platform.pids[name]) for name in ("blytz", *SERVICES)) < MAX_IDLE_MB


# --- The gateway ------------------------------------------------------------------------------------------------


def test_health_is_at_the_root_of_the_gateway(platform: Platform) -> None:
    assert platform.get("/health")[0] == 200


def test_the_front_page_is_an_html_page(platform: Platform) -> None:
    status, headers, body = platform.get("/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"Blytz" in body


def test_the_auction_service_is_behind_its_prefix(platform: Platform) -> None:
    status, headers, body = platform.get("/auction/v1/auctions")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert "auctions" in json.loads(body)


@pytest.mark.parametrize(
    "path",
    [
        "/ready",
        "/metrics",
        "/auction/ready",
        "/auction/metrics",
        "/auction//metrics",
        "/auction/metrics/",
        "/auction/%6detrics",
        "/auction/v1/../metrics",
        "/live/ready",
        "/live/metrics",
        "/live/../metrics",
    ],
)
def test_readiness_and_metrics_are_not_reachable_through_the_gateway(platform: Platform, path: str) -> None:
    status, headers, body = platform.get(path)
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(body)["code"] == "not_found"


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"GET /no/such/page HTTP/1.1\r\nHost: x\r\n\r\n", 404, "not_found"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, "method_not_allowed"),
        (b"POST /auction/v1/auctions HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n", 413, "too_large"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431, "too_large"),
        (b"NOT HTTP AT ALL\r\n\r\n", 400, "invalid_request"),
        (b"GET /problem/body HTTP/1.1\r\nHost: x\r\n\r\n", 404, "not_found"),
    ],
)
def test_refusals_of_the_gateway_are_problems(
    platform: Platform, request_bytes: bytes, status: int, code: str
) -> None:
    head, _, body = raw(platform, request_bytes).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status
    assert b"Content-Type: application/problem+json" in head
    assert json.loads(body) | {"code": code, "status": status} == json.loads(body)


def test_the_gateway_makes_the_request_id(platform: Platform) -> None:
    answer = httpx.get(f"{platform.url}/auction/v1/auctions", headers={"X-Request-Id": "mine"})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])


def test_websockets_work_through_the_gateway(platform: Platform) -> None:
    answer = raw(
        platform,
        b"GET /live/v1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Protocol: blytz.v1\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"blytz.v1" in answer


# --- The Redis of blytz up ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["CONFIG GET dir", "DEBUG SLEEP 0", "FLUSHALL", "FLUSHDB", "KEYS *", "SHUTDOWN", "ACL LIST"]
)
def test_the_services_may_not_run_dangerous_redis_commands(platform: Platform, command: str) -> None:
    redis = Redis.from_url(platform.redis_url)
    # DEBUG is refused to every user, before permissions are checked.
    with pytest.raises(ResponseError if command.startswith("DEBUG") else NoPermissionError):
        redis.execute_command(*command.split())  # type: ignore[no-untyped-call]
    redis.close()


@pytest.mark.parametrize("command", [b"PING", b"AUTH default x", b"AUTH x", b"AUTH blytz x"])
def test_no_client_reaches_redis_without_the_password(platform: Platform, command: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(urlsplit(platform.redis_url).path)
        wire.sendall(command + b"\r\n")
        assert wire.recv(1_000).startswith((b"-NOAUTH", b"-WRONGPASS"))


def test_redis_writes_every_bid_to_disk_before_it_answers(platform: Platform) -> None:
    lines = set((platform.data / "redis" / "redis.conf").read_text().splitlines())
    assert lines >= {
        "appendonly yes",
        "appendfsync always",
        "no-appendfsync-on-rewrite no",
        "maxmemory-policy noeviction",
        f"maxmemory {machine_memory() // 4}",
        "port 0",
    }
    redis = Redis.from_url(platform.redis_url)
    assert redis.info("persistence")["aof_enabled"] == 1
    redis.close()


def test_the_password_is_in_no_command_line_and_in_no_file_that_others_may_read(platform: Platform) -> None:
    password = urlsplit(platform.redis_url).password
    assert password
    assert not [line for line in platform.processes().values() if password in line]
    for path in platform.data.rglob("*"):
        if path.is_file() and password in path.read_text(errors="replace"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert password not in platform.log()


def test_a_data_folder_inside_a_checkout_is_not_committed(platform: Platform) -> None:
    assert (platform.data / ".gitignore").read_text() == "*\n"
