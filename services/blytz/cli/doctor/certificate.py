"""Checks of certificates: the file of our own gateway, and what the public address serves.

The file is checked by a TLS handshake in memory, between a server with this key and chain and a client with the
root certificates of a browser, so that key, chain, names and dates are checked by the same code as in a real
connection."""

import contextlib
import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from blytz.cli.doctor.findings import Finding, judge
from blytz.kit.config.gateway import gateway_variable
from blytz.kit.config.model import variable

WITHIN_S: Final = 3.0
WARN_DAYS: Final = 21
FAIL_DAYS: Final = 7
DAY_S: Final = 86_400
NAME: Final = "Certificate file"
DRY_RUN: Final = "its renewal fails: `certbot renew --dry-run` says why"
_NO_CHAIN: Final = {2, 20, 21}
_SELF_SIGNED: Final = 18
_EXPIRED: Final = 10
_OTHER_NAMES: Final = (62, 64)
"""Results of OpenSSL's X509_verify_cert."""
_FIRST = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def of_file(path: Path, domains: tuple[str, ...], *, trusted: str | None = None) -> Iterator[Finding]:
    """Key and chain of `blytz gateway`. `trusted` is a file of root certificates to use instead of the
    system's."""
    data = path.parents[2]
    try:
        rights = path.stat().st_mode & 0o777
        path.read_bytes()
    except FileNotFoundError:
        remedy = f"start `blytz gateway --data {data}`, then get a certificate: infra/tls/issue.sh"
        yield Finding(NAME, "fail", f"there is no file {path}", remedy)
        return
    except OSError as error:
        yield Finding(
            NAME, "warn", f"cannot read {path}: {error.strerror}", "run doctor as the user of the gateway"
        )
        return
    if rights & 0o077:
        why = f"other users may read the key in it (mode {rights:o})"
        yield Finding(NAME, "fail", why, f"`chmod 600 {path}`")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(path)
    except ssl.SSLError as error:
        is_other = error.reason == "KEY_VALUES_MISMATCH"
        why = (
            "its key does not belong to its certificate" if is_other else "contains no key and certificate in PEM"
        )
        yield Finding(NAME, "fail", f"{path}: {why}", f"install certbot's files: infra/tls/deploy.sh {data}")
        return
    browser = ssl.create_default_context(cafile=trusted)
    found = [_handshake(server, browser, domain, data) for domain in domains]
    bad = [finding for finding in found if finding.state != "ok"]
    # All names have the same certificate; each fault is reported once.
    yield from {finding.why: finding for finding in bad}.values() if bad else found[:1]


def is_shown(path: Path, wire: socket.socket, domain: str) -> bool:
    """Whether the server at `wire` serves the certificate of this file. Raises OSError."""
    client = ssl.create_default_context()
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    with client.wrap_socket(wire, server_hostname=domain) as secured:
        shown = secured.getpeercert(binary_form=True)
    first = _FIRST.search(path.read_text())
    return first is not None and ssl.PEM_cert_to_DER_cert(first[0]) == shown


def of_address(public_url: str, *, is_production: bool, trusted: str | None = None) -> Finding:
    """The certificate that the public address serves. `trusted` as above."""
    name, where = "Certificate", variable("public_url")
    if not public_url:
        remedy = f"set {where}, so that it is checked from outside"
        return Finding(name, "warn" if is_production else "note", f"not checked: {where} is not set", remedy)
    parts = urlsplit(public_url)
    if parts.scheme != "https" or not parts.hostname:
        why = f"{public_url} is not https: tokens and bids are sent in plain text"
        remedy = "get a certificate: infra/nginx/README.md"
        return judge(name, why, warn=True, fail=is_production, remedy=remedy)
    try:
        context = ssl.create_default_context(cafile=trusted)
        with (
            socket.create_connection((parts.hostname, parts.port or 443), timeout=WITHIN_S) as wire,
            context.wrap_socket(wire, server_hostname=parts.hostname) as secured,
        ):
            ends = str((secured.getpeercert() or {})["notAfter"])
            return _of_days(name, f"that of {parts.hostname} is", ends)
    except ssl.SSLCertVerificationError as error:
        why, remedy = _not_trusted(error, parts.hostname, "DIR")
        return Finding(name, "fail", f"not trusted: {why}", remedy)
    except (OSError, ValueError) as error:
        why = f"cannot connect to {parts.hostname}: {error}"
        return Finding(name, "fail", why, f"correct {where}, DNS, the firewall or nginx")


def _handshake(server: ssl.SSLContext, browser: ssl.SSLContext, domain: str, data: Path) -> Finding:
    to_server, to_browser = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = browser.wrap_bio(to_browser, to_server, server_hostname=domain)
    ours = server.wrap_bio(to_server, to_browser, server_side=True)
    try:
        for _ in range(4):
            for side in (client, ours):
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()
        ends = str((client.getpeercert() or {})["notAfter"])
    except ssl.SSLCertVerificationError as error:
        return Finding(NAME, "fail", *_not_trusted(error, domain, str(data)))
    except (ssl.SSLError, ValueError, KeyError) as error:
        return Finding(NAME, "fail", f"cannot be used for {domain}: {error}", f"infra/tls/deploy.sh {data}")
    return _of_days(NAME, "key, chain and names match;", ends)


def _not_trusted(error: ssl.SSLCertVerificationError, domain: str, data: str) -> tuple[str, str]:
    """Why, and what to do."""
    issue = f"get one: infra/tls/issue.sh --data {data} --email YOU DOMAIN..."
    known = {
        _SELF_SIGNED: ("is the placeholder of the first start: no browser trusts it", issue),
        _EXPIRED: ("has expired", DRY_RUN),
        **dict.fromkeys(
            _OTHER_NAMES, (f"is not for {domain}", f"{issue}, with each of {gateway_variable('domains')}")
        ),
        **dict.fromkeys(
            _NO_CHAIN,
            (
                "its chain ends at no root certificate of this system",
                f"it needs the whole chain, fullchain.pem of certbot: infra/tls/deploy.sh {data}",
            ),
        ),
    }
    return known.get(error.verify_code, (error.verify_message, issue))


def _of_days(name: str, what: str, ends: str) -> Finding:
    days = (ssl.cert_time_to_seconds(ends) - time.time()) / DAY_S
    why = f"{what} valid for {days:.0f} days"
    return judge(name, why, warn=days < WARN_DAYS, fail=days < FAIL_DAYS, remedy=DRY_RUN)
