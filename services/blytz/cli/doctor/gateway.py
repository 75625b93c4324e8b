"""Checks of `blytz gateway`: its certificate, and what listens on its ports."""

import http.client
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from blytz.cli.doctor import certificate
from blytz.cli.doctor.findings import Finding, judge
from blytz.kit.addresses import reached_as
from blytz.kit.config.gateway import PREFIX, GatewaySettings, gateway_variable

WITHIN_S: Final = 3.0
MAX_BODY_BYTES: Final = 4_000_000
ABSENT: Final = "start `blytz gateway`, unless it runs elsewhere"


def is_configured() -> bool:
    """Whether the environment has a setting of the gateway."""
    return any(name.startswith(PREFIX) for name in os.environ)


def findings(gateway: GatewaySettings, folder: Path) -> Iterator[Finding]:
    """`folder` is the gateway's own."""
    file = folder / "tls" / "site.pem"
    yield _http(gateway)
    if gateway.domains:
        yield _https(gateway, file)
        yield from certificate.of_file(file, gateway.domains)


def fetch(gateway: GatewaySettings, path: str) -> tuple[int, bytes]:
    """The status and the body, at most 4 MB, that this gateway answers. Its certificate is not judged here. Raises
    OSError and `HTTPException`."""
    domain, host = next(iter(gateway.domains), "localhost"), reached_as(gateway.hosts[0])
    connection = http.client.HTTPConnection(host, gateway.http_port, timeout=WITHIN_S)
    try:
        if gateway.domains:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection.sock = socket.create_connection((host, gateway.https_port), timeout=WITHIN_S)
            connection.sock = context.wrap_socket(connection.sock, server_hostname=domain)
        connection.request("GET", path, headers={"Host": domain})
        answer = connection.getresponse()
        return answer.status, answer.read(MAX_BODY_BYTES)
    finally:
        connection.close()


def _http(gateway: GatewaySettings) -> Finding:
    name = f"Port {gateway.http_port} (gateway)"
    connection = http.client.HTTPConnection(reached_as(gateway.hosts[0]), gateway.http_port, timeout=WITHIN_S)
    try:
        connection.request("GET", "/health", headers={"Host": next(iter(gateway.domains), "localhost")})
        answer = connection.getresponse()
        answer.read(65_536)
    except ConnectionRefusedError:
        return Finding(name, "warn", "free: the gateway does not run here", ABSENT)
    except (OSError, http.client.HTTPException) as error:
        return _other_program(name, "http_port", f"no answer over HTTP: {error}")
    finally:
        connection.close()
    if gateway.domains:
        redirects = (answer.getheader("Location") or "").startswith("https://")
        ok = judge(name, "runs, and redirects to https")
        return ok if redirects else _other_program(name, "http_port", "it does not redirect to https")
    if answer.getheader("X-Request-Id") is None:
        return _other_program(name, "http_port", "its answer has no X-Request-Id")
    is_ok = answer.status == http.client.OK
    why = "runs, and reaches the auction service" if is_ok else f"runs, and answers {answer.status}"
    remedy = f"start the auction service, or correct {gateway_variable('auction')}"
    return judge(name, why, fail=not is_ok, remedy=remedy)


def _https(gateway: GatewaySettings, file: Path) -> Finding:
    name = f"Port {gateway.https_port} (gateway)"
    try:
        place = (reached_as(gateway.hosts[0]), gateway.https_port)
        with socket.create_connection(place, timeout=WITHIN_S) as wire:
            is_shown = certificate.is_shown(file, wire, gateway.domains[0])
    except ConnectionRefusedError:
        return Finding(name, "warn", "free: the gateway does not run here", ABSENT)
    except FileNotFoundError:
        return Finding(name, "warn", "something listens; there is no certificate file to compare", "see below")
    except OSError as error:
        if isinstance(error, ssl.SSLError) and "UNRECOGNIZED_NAME" in (error.reason or ""):
            why = f"runs, and does not serve {gateway.domains[0]}"
            return Finding(name, "fail", why, f"restart it with this {gateway_variable('domains')}")
        return _other_program(name, "https_port", f"no TLS for {gateway.domains[0]}: {error}")
    remedy = "reload it: `kill -HUP` of nginx, or `systemctl reload blytz-gateway`"
    why = (
        "runs, and serves the certificate of its file" if is_shown else "serves another certificate than its file"
    )
    return judge(name, why, fail=not is_shown, remedy=remedy)


def _other_program(name: str, field: str, why: str) -> Finding:
    remedy = f"stop what listens there (`ss -ltnp`), or choose another {gateway_variable(field)}"
    return Finding(name, "fail", f"another program listens here, not this gateway: {why}", remedy)
