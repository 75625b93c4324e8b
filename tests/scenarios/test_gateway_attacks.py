"""The gateway against hand-written requests: none reaches an operator page or poses as another client, and every
refusal has the same form."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.echo_service import EchoService
from tests.support.gateway import Gateway
from tests.support.platform import Platform

HASHED = "entry-0123456789abcdef0123456789abcdef.js"
FILM = "film-0123456789abcdef0123456789abcdef.mp4"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, platform: Platform) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("attacked")
    app = folder / "app"
    app.mkdir()
    (app / "index.html").write_text("<!doctype html><title>The app</title>")
    (app / HASHED).write_text("let bid;")
    (app / FILM).write_text("0123456789")
    with Gateway(folder / "data", platform, app=app) as running:
        yield running


@pytest.fixture(scope="module")
def echoing(tmp_path_factory: pytest.TempPathFactory, platform: Platform) -> Iterator[Gateway]:
    """A gateway whose services answer with the request that they received."""
    with (
        EchoService() as mirror,
        Gateway(
            tmp_path_factory.mktemp("echoing") / "data", platform, auction=mirror.address, live=mirror.address
        ) as running,
    ):
        yield running


def exchange(gateway: Gateway, request_lines: bytes) -> bytes:
    """Sends these bytes and returns everything that the gateway answers until it closes."""
    with socket.create_connection(("127.0.0.1", gateway.http_port), timeout=5) as wire:
        wire.sendall(request_lines)
        return b"".join(iter(lambda: wire.recv(65_536), b""))


def ask(gateway: Gateway, line: str, *headers: str, body: bytes = b"") -> tuple[int, dict[str, list[str]], bytes]:
    """`line` is `METHOD target`; status, headers and body of the only answer."""
    head = "\r\n".join([f"{line} HTTP/1.1", *(headers or ("Host: x",)), "Connection: close", "", ""])
    return parse_answer(exchange(gateway, head.encode("latin-1") + body))


def parse_answer(answer: bytes) -> tuple[int, dict[str, list[str]], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in rest:
        name, _, value = line.partition(": ")
        headers.setdefault(name.lower(), []).append(value)
    return int(first.split()[1]), headers, body


def refused(answer: tuple[int, dict[str, list[str]], bytes], status: int, code: str) -> dict[str, list[str]]:
    """Checks that this is a refusal of the common form, and returns its headers."""
    got, headers, body = answer
    assert headers["content-type"] == ["application/problem+json"], body
    problem = json.loads(body)
    assert (got, problem["status"], problem["code"]) == (status, status, code)
    assert headers["x-content-type-options"] == ["nosniff"]
    assert [name for name, values in headers.items() if len(values) > 1] == []
    return headers


# --- Operator pages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["metrics", "ready"])
@pytest.mark.parametrize(
    "path",
    [
        "//{}",
        "/auction//{}",
        "/auction/../{}",
        "/auction/%2e%2e/{}",
        "/auction/%2f{}",
        "/auction/v1/..%2f..%2f{}",
        "/auction/v1/%2e%2e/{}",
        "/auction/./{}/",
        "/auction/{}?x=1",
        "/auction/{};x",
        "/auction/{}%20",
        "/auction/%5c{}",
        "/auction/%252f{}",
        "/AUCTION/{}",
        "/auction%2f{}",
        "/live/{}",
        "/live/v1/../{}",
        "/live//{}",
        "http://x/auction/{}",
        "https://x:443/live/v1/../{}",
    ],
)
def test_no_spelling_of_a_path_reaches_an_operator_page(gateway: Gateway, path: str, page: str) -> None:
    for name in (page, page.upper(), f"%{ord(page[0]):x}{page[1:]}"):
        refused(ask(gateway, f"GET {path.format(name)}"), 404, "not_found")


@pytest.mark.parametrize(
    ("request_lines", "status"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc", 501),
        (b"Transfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc", 400),
        (b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", 400),
        (b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
        (b"Content-Length: +3\r\n\r\nabc", 400),
    ],
)
def test_a_body_of_ambiguous_length_cannot_hide_a_second_request(
    gateway: Gateway, request_lines: bytes, status: int
) -> None:
    hidden = b"GET /auction/metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = exchange(gateway, b"POST /auction/v1/auctions HTTP/1.1\r\nHost: x\r\n" + request_lines + hidden)
    assert answer.count(b"HTTP/1.1 ") == 1
    refused(parse_answer(answer), status, {400: "invalid_request", 501: "not_implemented"}[status])


# --- What a service receives ------------------------------------------------------------------------------------


def reply(gateway: Gateway, path: str, *headers: str) -> dict[str, Any]:
    status, _, body = ask(gateway, f"GET {path}", "Host: x", *headers)
    assert status == 200
    shown: dict[str, Any] = json.loads(body)
    return shown


@pytest.mark.parametrize("path", ["/auction/v1/auctions", "/live/v1"])
def test_only_the_gateway_sets_the_address_of_a_client(echoing: Gateway, path: str) -> None:
    lies = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Request-Id")
    seen = reply(echoing, path, *(f"{name}: for=203.0.113.9" for name in lies))
    assert "203.0.113.9" not in json.dumps(seen)
    assert (seen["headers"]["x-forwarded-for"], seen["headers"]["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert re.fullmatch("[0-9a-f]{32}", seen["headers"]["x-request-id"])


@pytest.mark.parametrize(
    ("path", "upgrade"), [("/auction/v1/auctions", "websocket"), ("/live/v1", "h2c"), ("/live/v1", "TLS/1.2")]
)
def test_only_websockets_and_only_to_the_live_service_change_the_protocol(
    echoing: Gateway, path: str, upgrade: str
) -> None:
    headers = reply(echoing, path, f"Upgrade: {upgrade}", "Connection: Upgrade", "HTTP2-Settings: AAMAAABk")[
        "headers"
    ]
    assert "upgrade" not in headers
    assert headers.get("connection", "close") == "close"


def test_an_encoded_line_break_in_a_path_starts_no_new_header(echoing: Gateway) -> None:
    seen = reply(echoing, "/auction/v1/%0d%0aX-Evil:%201%0d%0a%0d%0aGET%20/metrics")
    assert seen["path"] == "/v1/%0D%0AX-Evil:%201%0D%0A%0D%0AGET%20/metrics"
    assert "x-evil" not in seen["headers"]


# --- Every refusal has one form ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "headers", "status", "code"),
    [
        ("TRACE /auction/v1/auctions", (), 405, "method_not_allowed"),
        ("CONNECT x:443", (), 400, "invalid_request"),
        ("GET /health", ("Host: a", "Host: b"), 400, "invalid_request"),
        ("GET /health", ("Host: a/../b",), 400, "invalid_request"),
        ("GET /health", ("Accept: */*",), 400, "invalid_request"),
        ("GET /auction/v1/auctions", ("Host: x", f"X-Long: {'a' * 17_000}"), 431, "too_large"),
        (f"GET /auction/{'a' * 17_000}", (), 414, "too_large"),
        # Headers that nginx passes on and the services ignore.
        ("MAKE /auction/v1/auctions", (), 400, "invalid_request"),
        ("GET /auction/v1/auctions/\xe9", (), 400, "invalid_request"),
        ("GET /auction/v1/auctions", ("Host: x", "X-Odd: a\x01b"), 400, "invalid_request"),
        ("GET /live/v1", (), 426, "upgrade_required"),
        ("PUT /live/v1", (), 405, "method_not_allowed"),
        ("GET /live/v1", ("Host: x", "Upgrade: h2c"), 426, "upgrade_required"),
        (f"GET /{FILM}", ("Host: x", "Range: bytes=999-"), 416, "range_not_satisfiable"),
        (f"GET /{HASHED}", ("Host: x", 'If-Match: "another"'), 412, "precondition_failed"),
    ],
)
def test_a_request_that_cannot_be_served_is_answered_with_a_problem(
    gateway: Gateway, line: str, headers: tuple[str, ...], status: int, code: str
) -> None:
    refused(ask(gateway, line, *headers), status, code)


def test_no_handshake_headers_make_nginx_consider_a_service_failed(tmp_path: Path, platform: Platform) -> None:
    """If all services seem to fail, nginx uses none of them for a second, and no client can connect."""
    live = f"127.0.0.1:{platform.ports['live']}"
    with Gateway(tmp_path / "data", platform, live=f"{live},{live}") as gateway:
        for name in ("Host", "Origin", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol"):
            request_lines = {
                "Host": "x",
                "Upgrade": "websocket",
                "Sec-WebSocket-Protocol": "b" * 2_000,
                name: "a" * 15_000,
            }
            lines = [f"{word}: {value}" for word, value in request_lines.items()]
            refused(ask(gateway, "GET /live/v1", *lines), 431, "too_large")
            refused(ask(gateway, "GET /live/v1"), 426, "upgrade_required")


@pytest.mark.parametrize("method", ["FOO", "POST", "HEAD", "OPTIONS"])
def test_a_websocket_can_only_be_opened_with_get(gateway: Gateway, method: str) -> None:
    status, headers, body = ask(gateway, f"{method} /live/v1")
    if method == "HEAD":
        assert (status, headers["content-type"], body) == (405, ["application/problem+json"], b"")
    else:
        refused((status, headers, body), 405, "method_not_allowed")


@pytest.mark.parametrize("version", ["12", "13, 8", "x", None])
def test_a_request_for_another_websocket_version_gets_the_supported_one(
    gateway: Gateway, version: str | None
) -> None:
    request_lines = ["Host: x", "Upgrade: WebSocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    request_lines += [f"Sec-WebSocket-Version: {version}"] if version else []
    headers = refused(ask(gateway, "GET /live/v1", *request_lines), 426, "upgrade_required")
    assert (headers["sec-websocket-version"], headers["upgrade"]) == (["13"], ["websocket"])


def test_a_service_that_is_not_installed_is_reported_without_a_trailing_slash_too(gateway: Gateway) -> None:
    for target in ("/order", "/payment?x=1", "/order/", "/payment//v1"):
        refused(ask(gateway, f"GET {target}"), 404, "service_absent")
    for target in ("/orders", "/order.html", "/payments/x"):
        refused(ask(gateway, f"GET {target}"), 404, "not_found")


def test_health_answers_head_requests(gateway: Gateway) -> None:
    """Many external monitors send HEAD."""
    status, headers, body = ask(gateway, "HEAD /health")
    assert (status, headers["content-type"], body) == (200, ["application/json"], b"")
    refused(ask(gateway, "POST /health"), 405, "method_not_allowed")


def test_an_unsupported_http_version_is_answered_with_a_problem(gateway: Gateway) -> None:
    answer = exchange(gateway, b"GET /health HTTP/3.7\r\nHost: x\r\n\r\n")
    refused(parse_answer(answer), 505, "version_not_supported")


def test_a_refused_request_for_a_file_is_not_cached_like_the_file(gateway: Gateway) -> None:
    """Otherwise a cache could serve the refusal to all users for a year."""
    _, headers, _ = ask(gateway, f"GET /{HASHED}", "Host: x", 'If-Match: "another"')
    assert headers["cache-control"] == ["no-store"]
    status, _, body = ask(gateway, f"GET /{HASHED}", "Host: x", "Range: bytes=999-")
    assert (status, body) == (200, b"let bid;")
    _, headers, _ = ask(gateway, f"GET /{FILM}", "Host: x", "Range: bytes=999-")
    assert not any("max-age" in value for value in headers["cache-control"])


def test_one_byte_range_of_a_file_is_served_and_many_ranges_get_the_whole_file(gateway: Gateway) -> None:
    assert ask(gateway, f"GET /{FILM}", "Host: x", "Range: bytes=2-4")[::2] == (206, b"234")
    many = ",".join(f"{n}-{n}" for n in range(0, 9, 2))
    assert ask(gateway, f"GET /{FILM}", "Host: x", f"Range: bytes={many}")[::2] == (200, b"0123456789")


def test_a_page_of_the_app_is_not_mistaken_for_an_api_answer(gateway: Gateway) -> None:
    _, headers, body = ask(gateway, "GET /lots/auc_1", "Host: x", "Accept: text/html")
    assert b"The app" in body
    assert "Accept" in ", ".join(headers["vary"]).split(", ")


def test_answers_of_a_service_are_not_cached(gateway: Gateway) -> None:
    """The answer to a bidder may contain a hidden ceiling."""
    for path in ("/auction/v1/auctions", "/auction/v1/auctions/auc_none", "/health"):
        assert ask(gateway, f"GET {path}")[1]["cache-control"] == ["no-store"]


def test_no_request_can_corrupt_a_log_line_or_hide_a_query_in_it(gateway: Gateway) -> None:
    disguises = ("%3f", "%253F", "%25253f", "%23", "%2523", "\xe9")
    targets = {f"/none{written}token=a.secret.of-mine": "/none" for written in disguises}
    targets['/none"}\\%0a{"at":"now"%1b[2J'] = '/none"}\\%0a{"at":"now"%1b[2J'
    ids = {target: ask(gateway, f"GET {target}")[1]["x-request-id"][0] for target in targets}
    for target, logged in targets.items():
        assert json.loads(gateway.log_line(ids[target]))["path"] == logged, target
