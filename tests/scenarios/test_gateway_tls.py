"""The gateway with a certificate. How it gets one from Let's Encrypt is in tests/tls."""

import contextlib
import json
import socket
import ssl
from collections.abc import Iterator

import httpx
import pytest

from tests.support.gateway import DOMAIN, Gateway, abort, trusting_all
from tests.support.http import problem
from tests.support.live_client import WITHIN_S
from tests.support.platform import Platform

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, GOAWAY = 0x0, 0x1, 0x4, 0x7


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, platform: Platform) -> Iterator[Gateway]:
    names = f"{DOMAIN},www.{DOMAIN}"
    with Gateway(tmp_path_factory.mktemp("tls") / "data", platform, domains=names) as running:
        yield running


# --- Redirect to https ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "led_to"),
    [(DOMAIN, DOMAIN), (f"www.{DOMAIN}", f"www.{DOMAIN}"), ("evil.example", DOMAIN), ("127.0.0.1", DOMAIN)],
)
def test_http_redirects_to_https_and_only_for_our_hosts(gateway: Gateway, host: str, led_to: str) -> None:
    answer = gateway.get("/lots/auc_1?page=2", Host=host)
    assert answer.status_code == 308
    assert answer.headers["location"] == f"https://{led_to}:{gateway.https_port}/lots/auc_1?page=2"
    assert "strict-transport-security" not in answer.headers


def test_the_path_of_certificate_challenges_stays_on_http(gateway: Gateway) -> None:
    folder = gateway.folder / "acme" / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token-1").write_text("token-1.thumbprint")
    answer = gateway.get("/.well-known/acme-challenge/token-1")
    assert (answer.status_code, answer.text) == (200, "token-1.thumbprint")
    assert gateway.get("/.well-known/acme-challenge/other").status_code == 404
    assert gateway.get("/.well-known/acme-challenge/").status_code in {403, 404}
    assert gateway.get("/.well-known/acme-challenge/../../nginx.conf").status_code == 308


# --- Routes over TLS --------------------------------------------------------------------------------------------


def test_an_unreadable_request_is_answered_with_a_problem_over_tls_too(gateway: Gateway) -> None:
    problem(gateway.get("/lots", X_Long="a" * 40_000), 431, "too_large")
    problem(gateway.get("/.well-known/acme-challenge/none"), 404, "not_found")


@pytest.mark.parametrize("through_tls", [False, True], ids=["plain words", "a request without a Host"])
def test_bytes_that_the_tls_port_cannot_read_are_answered_with_a_problem(
    gateway: Gateway, through_tls: bool
) -> None:
    with contextlib.ExitStack() as held:
        wire = held.enter_context(socket.create_connection(("127.0.0.1", gateway.https_port), timeout=WITHIN_S))
        if through_tls:
            wire = held.enter_context(trusting_all().wrap_socket(wire, server_hostname=DOMAIN))
        wire.sendall(b"GET /auction/v1/auctions HTTP/1.1\r\n\r\n")
        head, _, body = b"".join(iter(lambda: wire.recv(65_536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert json.loads(body)["code"] == "invalid_request"


@pytest.mark.parametrize("path", ["/", "/health", "/auction/v1/auctions", "/none", "/ready"])
def test_browsers_get_hsts(gateway: Gateway, path: str) -> None:
    headers = gateway.get_https(path).headers
    assert headers.get_list("strict-transport-security") == ["max-age=63072000"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_tls_serves_the_same_routes_as_plain_http(gateway: Gateway) -> None:
    assert "auctions" in gateway.get_https("/auction/v1/auctions").json()
    assert gateway.get_https("/metrics").status_code == 404
    assert gateway.get_https("/auction/ready").status_code == 404
    assert gateway.get_https("/order/v1/orders").json()["code"] == "service_absent"


def test_the_log_states_the_scheme_of_a_request(gateway: Gateway) -> None:
    answer = gateway.get_https("/health?token=secret-of-mine")
    line = json.loads(gateway.log_line(answer.headers["x-request-id"]))
    assert (line["scheme"], line["path"], line["status"]) == ("https", "/health", 200)
    assert "secret-of-mine" not in gateway.logs()


async def test_a_websocket_works_over_tls(gateway: Gateway) -> None:
    client = await gateway.open_socket()
    assert (await client.next())["type"] == "welcome"
    await abort(client)


# --- The profile ------------------------------------------------------------------------------------------------


def shake(gateway: Gateway, context: ssl.SSLContext, name: str | None = DOMAIN) -> ssl.SSLSocket:
    wire = socket.create_connection(("127.0.0.1", gateway.https_port), timeout=5)
    try:
        return context.wrap_socket(wire, server_hostname=name)
    except BaseException:
        wire.close()
        raise


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_tls_versions_of_the_profile_work_with_forward_secrecy(
    gateway: Gateway, version: ssl.TLSVersion
) -> None:
    context = trusting_all()
    context.minimum_version = context.maximum_version = version
    with shake(gateway, context) as secure:
        cipher = secure.cipher()
        assert cipher is not None
        assert cipher[0].startswith(("ECDHE-", "TLS_"))


@pytest.mark.parametrize("offer", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"])
def test_a_cipher_outside_the_profile_is_refused(gateway: Gateway, offer: str) -> None:
    context = trusting_all()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(offer)
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        shake(gateway, context)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_an_old_tls_version_is_refused(gateway: Gateway) -> None:
    context = trusting_all()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        shake(gateway, context)


@pytest.mark.parametrize("name", ["evil.example", None])
def test_a_client_that_names_another_host_gets_no_certificate(gateway: Gateway, name: str | None) -> None:
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        shake(gateway, trusting_all(), name)


def test_a_request_for_another_host_over_our_certificate_is_not_served(gateway: Gateway) -> None:
    with shake(gateway, trusting_all()) as secure:
        secure.sendall(b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert b" 200 " not in secure.recv(65_536)


# --- HTTP/2 -----------------------------------------------------------------------------------------------------


def read(secure: ssl.SSLSocket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = secure.recv(size - len(got))
        assert more, "nginx closed the connection"
        got += more
    return got


def frames(secure: ssl.SSLSocket) -> Iterator[tuple[int, bytes]]:
    """The type and payload of each frame (RFC 9113, section 4.1)."""
    while True:
        head = read(secure, 9)
        yield head[3], read(secure, int.from_bytes(head[:3], "big"))


def test_http_2_is_negotiated_and_works(gateway: Gateway) -> None:
    context = trusting_all()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with shake(gateway, context) as secure:
        assert secure.selected_alpn_protocol() == "h2"
        # HPACK (RFC 7541, appendix A): GET is 2, https 7, / 4; an authority is a value for name 1.
        name = f"{DOMAIN}:{gateway.https_port}".encode()
        block = b"\x82\x87\x84\x41" + bytes([len(name)]) + name
        ends_here = 0x1 | 0x4
        secure.sendall(PREFACE + bytes(3) + bytes([SETTINGS, 0]) + bytes(4))
        secure.sendall(
            len(block).to_bytes(3, "big") + bytes([HEADERS, ends_here]) + (1).to_bytes(4, "big") + block
        )
        answer = next(payload for kind, payload in frames(secure) if kind in {HEADERS, GOAWAY})
        # `:status: 200` is entry 8.
        assert answer[0] == 0x88


def test_a_body_that_is_too_large_is_a_problem_over_http_2_too(gateway: Gateway) -> None:
    context = trusting_all()
    context.set_alpn_protocols(["h2"])
    with shake(gateway, context) as secure:
        name = f"{DOMAIN}:{gateway.https_port}".encode()
        # POST is 3; a path is a value for name 4, an announced length one for name 28, in four bits 15 and 13.
        block = b"\x83\x87\x04\x08/auction\x41" + bytes([len(name)]) + name + b"\x0f\x0d\x07" + b"9999999"
        secure.sendall(PREFACE + bytes(3) + bytes([SETTINGS, 0]) + bytes(4))
        secure.sendall(len(block).to_bytes(3, "big") + bytes([HEADERS, 0x4]) + (1).to_bytes(4, "big") + block)
        received = next(payload for kind, payload in frames(secure) if kind in {DATA, GOAWAY})
        assert json.loads(received)["code"] == "too_large"


def test_a_client_with_http_1_only_is_served_too(gateway: Gateway) -> None:
    assert gateway.get_https("/health").http_version == "HTTP/1.1"


# --- Another certificate ----------------------------------------------------------------------------------------


async def test_a_reload_drops_no_open_websocket(gateway: Gateway) -> None:
    client = await gateway.open_socket()
    assert (await client.next())["type"] == "welcome"
    gateway.reload()
    client.send({"type": "ping"})
    assert (await client.next())["type"] == "pong"
    newer = await gateway.open_socket()
    assert (await newer.next())["type"] == "welcome"
    await abort(client, newer)


def test_the_key_is_readable_by_its_owner_only(gateway: Gateway) -> None:
    kept = gateway.folder / "tls" / "site.pem"
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_placeholder_is_self_signed(gateway: Gateway) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        shake(gateway, ssl.create_default_context())
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"https://127.0.0.1:{gateway.https_port}/")
