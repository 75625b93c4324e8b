"""The gateway over plain http: routes, headers, the app's files, the log. test_up.py tests it under `blytz up`,
test_gateway_tls.py with a certificate."""

import contextlib
import gzip
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.ports import free_port
from tests.support.gateway import DOMAIN, Gateway, abort, check
from tests.support.http import problem
from tests.support.live_client import Client
from tests.support.platform import Platform

HASHED = "_expo/static/js/web/entry-0123456789abcdef0123456789abcdef.js"
SCRIPT = b"console.log('a bid');\n" * 200
SECRET = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0LXRva2Vu.c2lnbmF0dXJl"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its path has characters that nginx would read as a variable, a comment and two arguments."""
    folder = tmp_path_factory.mktemp("app") / "$host #1 app"
    (folder / HASHED).parent.mkdir(parents=True)
    (folder / HASHED).write_bytes(SCRIPT)
    (folder / "index.html").write_text("<!doctype html><title>The app</title>")
    (folder / "about.html").write_text("<!doctype html><title>About</title>")
    (folder / "photo-20260101.png").write_bytes(b"\x89PNG")
    (folder / ".env").write_text("SECRET=1")
    return folder


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, platform: Platform, app: Path) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("gateway") / "data", platform, app=app, body_kib=8) as running:
        yield running


def loopbacks() -> str:
    """Not every machine has IPv6."""
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return "127.0.0.1,::1"
    return "127.0.0.1"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"domains": DOMAIN, "hosts": loopbacks(), "http_port": 18_080, "https_port": 18_443, "workers": 2},
        {"domains": f"{DOMAIN},www.{DOMAIN}", "http_port": 18_080, "https_port": 18_443, "access_log": "off"},
        {
            "http_port": 18_080,
            "access_log": "stdout",
            "auction": "127.0.0.1:1,127.0.0.1:2",
            "live": "127.0.0.1:3,[::1]:4",
            "order": "127.0.0.1:5",
            "payment": "127.0.0.1:6",
            "trusted_proxies": "10.0.0.0/8,fd00::/8",
            "unlimited": "192.0.2.0/24,2001:db8::/32",
        },
    ],
    ids=["bare", "TLS", "TLS, two names", "container"],
)
def test_nginx_accepts_every_variant(tmp_path: Path, settings: dict[str, object]) -> None:
    answer = check(tmp_path, **{"http_port": 18_080, **settings})
    assert (answer.returncode, answer.stderr) == (0, "")


def test_invalid_settings_are_reported_in_one_message_and_never_reach_nginx(tmp_path: Path) -> None:
    answer = check(tmp_path, domains="a.localhost; include /etc/passwd", body_kib=0)
    assert answer.returncode == 1
    assert [line.strip().split("=")[0] for line in answer.stderr.splitlines()[1:]] == [
        "BLYTZ_GATEWAY_DOMAINS",
        "BLYTZ_GATEWAY_BODY_KIB",
    ]
    assert not list(tmp_path.rglob("nginx.conf"))


# --- Routes and headers ----------------------------------------------------------------------------------------


def test_paths_of_services_that_do_not_run_here_are_answered_with_an_explanation(gateway: Gateway) -> None:
    for name in ("order", "payment"):
        found = problem(gateway.get(f"/{name}/v1/anything"), 404, "service_absent")
        assert name in found["detail"]


def test_the_reference_is_also_served_with_a_trailing_slash(gateway: Gateway) -> None:
    answer = gateway.get("/docs/")
    assert (answer.status_code, answer.headers["location"]) == (308, "/docs")


@pytest.mark.parametrize(
    "path", ["/", "/health", "/auction/v1/auctions", "/auction/v1/auctions/auc_none", "/none"]
)
def test_every_answer_has_the_security_headers(gateway: Gateway, path: str) -> None:
    headers = gateway.get(path).headers
    once = {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "strict-origin-when-cross-origin",
        "cross-origin-opener-policy": "same-origin-allow-popups",
    }
    assert {name: headers.get_list(name) for name in once} == {name: [value] for name, value in once.items()}
    policy = headers["content-security-policy"].split("; ")
    assert {"default-src 'self'", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"} <= set(policy)
    # HSTS is not valid over plain http; test_gateway_tls.py has it over TLS.
    assert "strict-transport-security" not in headers
    assert headers["server"] == "nginx"


@pytest.mark.parametrize(
    "path", ["/ready", "/metrics", "/auction/ready", "/order/metrics", "/payment/ready", "/auction/x/..%2Fready"]
)
def test_readiness_and_metrics_are_not_public(gateway: Gateway, path: str) -> None:
    problem(gateway.get(path), 404, "not_found")


def test_the_gateway_replaces_the_request_id_of_a_client(gateway: Gateway) -> None:
    seen = {gateway.get("/auction/v1/auctions", X_Request_Id="mine").headers["x-request-id"] for _ in range(2)}
    assert len(seen) == 2
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in seen)


async def test_the_gateway_replaces_the_request_id_of_a_websocket_client(gateway: Gateway) -> None:
    client = await Client.open(gateway.http_port, X_Request_Id="mine")
    assert (await client.next())["type"] == "welcome"
    await abort(client)
    found = re.findall(r"(?i)^x-request-id: (.*)\r$", client.head, re.MULTILINE)
    assert [len(one) for one in found] == [32]


def test_a_service_that_is_down_is_answered_with_a_problem_and_a_retry_time(
    tmp_path: Path, platform: Platform
) -> None:
    with Gateway(tmp_path / "data", platform, auction=f"127.0.0.1:{free_port()}") as gateway:
        answer = gateway.get("/auction/v1/auctions")
    assert problem(answer, 503, "unavailable")["retry_after_ms"] == 1_000
    assert answer.headers.get_list("retry-after") == ["1"]


def test_a_redirect_keeps_the_requested_host(gateway: Gateway) -> None:
    answer = gateway.get("/auction", Host="evil.example")
    assert (answer.status_code, answer.headers["location"]) == (301, "/auction/")


def test_the_folder_with_log_and_key_is_readable_by_its_owner_only(gateway: Gateway) -> None:
    assert gateway.folder.stat().st_mode & 0o777 == 0o700


def test_a_body_larger_than_the_operator_allows_is_refused(gateway: Gateway) -> None:
    url = f"{gateway.url}/auction/v1/auctions"
    assert httpx.post(url, content=b"x" * 8_192).status_code != 413
    assert "8 KiB" in problem(httpx.post(url, content=b"x" * 8_193), 413, "too_large")["detail"]
    # A body without a Content-Length is limited too.
    problem(httpx.post(url, content=iter([b"x" * 5_000] * 2)), 413, "too_large")


# --- The app's files -------------------------------------------------------------------------------------------


def test_a_file_with_a_hash_in_its_name_is_cached_for_ever_and_compressed(gateway: Gateway) -> None:
    with httpx.stream("GET", f"{gateway.url}/{HASHED}", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(raw) == SCRIPT
    assert len(raw) < len(SCRIPT) / 4


@pytest.mark.parametrize(
    ("path", "title"),
    [("/", b"The app"), ("/about", b"About"), ("/index.html", b"The app"), ("/?a=b", b"The app")],
)
def test_a_page_is_revalidated_each_time(gateway: Gateway, path: str, title: bytes) -> None:
    page = gateway.get(path)
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
    assert title in page.content
    assert gateway.get(path, If_None_Match=page.headers["etag"]).status_code == 304


def test_a_date_in_a_file_name_is_not_taken_for_a_hash(gateway: Gateway) -> None:
    picture = gateway.get("/photo-20260101.png")
    assert (picture.headers["cache-control"], picture.headers["content-type"]) == ("no-cache", "image/png")


def test_a_browser_gets_the_app_at_every_path_and_a_program_gets_404(
    gateway: Gateway,
) -> None:
    assert b"The app" in gateway.get("/lots/auc_1", Accept="text/html,*/*;q=0.8").content
    assert problem(gateway.get("/lots/auc_1", Accept="application/json"), 404, "not_found")
    assert gateway.get("/none").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/.env", "/%2eenv", "/x/../.env", "/.git/config", "/../nginx.conf"])
def test_hidden_files_are_not_served(gateway: Gateway, path: str) -> None:
    with socket.create_connection(("127.0.0.1", gateway.http_port), timeout=5) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    assert b"SECRET" not in answer
    assert b"worker_processes" not in answer


def test_answers_of_services_are_never_compressed(gateway: Gateway) -> None:
    assert "content-encoding" not in gateway.get("/auction/v1/auctions", Accept_Encoding="gzip").headers


# --- The log ---------------------------------------------------------------------------------------------------


def test_the_log_has_one_json_line_per_request(gateway: Gateway) -> None:
    answer = gateway.get("/auction/v1/auctions?limit=1")
    line = json.loads(gateway.log_line(answer.headers["x-request-id"]))
    assert {name: line[name] for name in ("method", "path", "status", "address", "scheme", "upstream_status")} == {
        "method": "GET",
        "path": "/auction/v1/auctions",
        "status": 200,
        "address": "127.0.0.1",
        "scheme": "http",
        "upstream_status": "200",
    }
    assert 0 <= line["duration_s"] < 5


@pytest.mark.parametrize(
    "path",
    [
        f"/auction/v1/auctions?token={SECRET}",
        f"/live/v1?access_token={SECRET}",
        f"/live/v1%3Ftoken={SECRET}",
        f"/none?x=1&jwt={SECRET}",
        f"/none%23{SECRET}",
        f"/order/v1/orders?key={SECRET}",
        f"/?code={SECRET}",
    ],
)
def test_no_log_contains_the_secrets_of_a_request(gateway: Gateway, platform: Platform, path: str) -> None:
    answer = gateway.get(
        path,
        Authorization=f"Bearer {SECRET}",
        Cookie=f"session={SECRET}",
        Referer=f"http://x/?t={SECRET}",
        User_Agent=SECRET,
        X_Request_Id=SECRET,
        X_Forwarded_For=SECRET,
        Sec_WebSocket_Protocol=SECRET,
    )
    line = json.loads(gateway.log_line(answer.headers["x-request-id"]))
    assert line["path"] in {"/auction/v1/auctions", "/live/v1", "/none", "/order/v1/orders", "/"}
    # The middle part of the token alone must not be logged either, nor by the services behind the gateway.
    assert SECRET.split(".")[1] not in gateway.logs() + platform.log()


def test_a_malformed_request_leaves_a_readable_log_line(gateway: Gateway) -> None:
    before = len((gateway.folder / "access.log").read_text().splitlines())
    for words in (b"NOT HTTP\r\n\r\n", b'GET /"\\\x01 HTTP/1.1\r\nHost: "x\r\n\r\n', b"GET /\r\n"):
        with socket.create_connection(("127.0.0.1", gateway.http_port), timeout=5) as wire:
            wire.sendall(words)
            wire.shutdown(socket.SHUT_WR)
            while wire.recv(65_536):
                pass
    answer = gateway.get("/health")
    gateway.log_line(answer.headers["x-request-id"])
    lines = (gateway.folder / "access.log").read_text().splitlines()
    assert len(lines) > before + 2
    assert all(json.loads(line)["at"] for line in lines)
