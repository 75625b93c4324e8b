"""What the doctor looks at in certificates: the file of our own gateway, and what the public address shows.

The file is judged by an introduction in memory: a server with this key and chain meets a browser's list of
authorities, so that key, chain, names and times are looked at by the same code that looks at them in earnest.
"""

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
DRY_RUN: Final = "its renewal does not work: `certbot renew --dry-run` says why"
_CHAINLESS: Final = {2, 20, 21}
_SELF_SIGNED: Final = 18
_OVER: Final = 10
_OTHER_NAMES: Final = (62, 64)
"""Results of OpenSSL's X509_verify_cert."""
_FIRST = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def of_file(path: Path, domains: tuple[str, ...], *, trusted: str | None = None) -> Iterator[Finding]:
    """Key and chain of `blytz gateway`. `trusted` is a file of certificates to believe, not the system's."""
    data = path.parents[2]
    try:
        rights = path.stat().st_mode & 0o777
        path.read_bytes()
    except FileNotFoundError:
        remedy = f"start `blytz gateway --data {data}`, then ask for one: infra/tls/issue.sh"
        yield Finding(NAME, "fail", f"there is none at {path}", remedy)
        return
    except OSError as error:
        yield Finding(NAME, "warn", f"cannot read {path}: {error.strerror}", "run it as the user of the gateway")
        return
    if rights & 0o077:
        why = f"others on this machine may read the key in it (rights {rights:o})"
        yield Finding(NAME, "fail", why, f"`chmod 600 {path}`")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(path)
    except ssl.SSLError as error:
        is_other = error.reason == "KEY_VALUES_MISMATCH"
        why = "its key is not that of its certificate" if is_other else "holds no key and certificate in PEM"
        yield Finding(NAME, "fail", f"{path}: {why}", f"put certbot's own there: infra/tls/deploy.sh {data}")
        return
    browser = ssl.create_default_context(cafile=trusted)
    found = [_introduced(server, browser, domain, data) for domain in domains]
    bad = [finding for finding in found if finding.state != "ok"]
    # All names have the same certificate; what is wrong with it is said once.
    yield from {finding.why: finding for finding in bad}.values() if bad else found[:1]


def is_shown(path: Path, wire: socket.socket, domain: str) -> bool:
    """Whether who answers there shows the certificate of this file. Raises OSError."""
    anyone = ssl.create_default_context()
    anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
    with anyone.wrap_socket(wire, server_hostname=domain) as secured:
        shown = secured.getpeercert(binary_form=True)
    first = _FIRST.search(path.read_text())
    return first is not None and ssl.PEM_cert_to_DER_cert(first[0]) == shown


def of_address(public_url: str, *, is_production: bool, trusted: str | None = None) -> Finding:
    """What everybody meets. `trusted` as above."""
    name, where = "Certificate", variable("public_url")
    if not public_url:
        remedy = f"set {where}, so that it is seen as everybody sees it"
        return Finding(name, "warn" if is_production else "note", f"not looked at: {where} is not set", remedy)
    parts = urlsplit(public_url)
    if parts.scheme != "https" or not parts.hostname:
        why = f"{public_url} is not https: tokens and bids cross the network in plain text"
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
        why, remedy = _not_believed(error, parts.hostname, "DIR")
        return Finding(name, "fail", f"not believed: {why}", remedy)
    except (OSError, ValueError) as error:
        why = f"{parts.hostname} cannot be reached: {error}"
        return Finding(name, "fail", why, f"mend {where}, DNS, the firewall or nginx")


def _introduced(server: ssl.SSLContext, browser: ssl.SSLContext, domain: str, data: Path) -> Finding:
    to_server, to_browser = ssl.MemoryBIO(), ssl.MemoryBIO()
    guest = browser.wrap_bio(to_browser, to_server, server_hostname=domain)
    host = server.wrap_bio(to_server, to_browser, server_side=True)
    try:
        for _ in range(4):
            for side in (guest, host):
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()
        ends = str((guest.getpeercert() or {})["notAfter"])
    except ssl.SSLCertVerificationError as error:
        return Finding(NAME, "fail", *_not_believed(error, domain, str(data)))
    except (ssl.SSLError, ValueError, KeyError) as error:
        return Finding(NAME, "fail", f"cannot be used for {domain}: {error}", f"infra/tls/deploy.sh {data}")
    return _of_days(NAME, "key, chain and names fit;", ends)


def _not_believed(error: ssl.SSLCertVerificationError, domain: str, data: str) -> tuple[str, str]:
    """Why, and what to do."""
    issue = f"ask for one: infra/tls/issue.sh --data {data} --email YOU DOMAIN..."
    said = {
        _SELF_SIGNED: ("is the placeholder of the first start: no browser believes it", issue),
        _OVER: ("has ended", DRY_RUN),
        **dict.fromkeys(
            _OTHER_NAMES, (f"is not for {domain}", f"{issue}, with each of {gateway_variable('domains')}")
        ),
        **dict.fromkeys(
            _CHAINLESS,
            (
                "its chain leads to no authority of this system",
                f"it needs the whole chain, fullchain.pem of certbot: infra/tls/deploy.sh {data}",
            ),
        ),
    }
    return said.get(error.verify_code, (error.verify_message, issue))


def _of_days(name: str, what: str, ends: str) -> Finding:
    days = (ssl.cert_time_to_seconds(ends) - time.time()) / DAY_S
    why = f"{what} good for {days:.0f} days"
    return judge(name, why, warn=days < WARN_DAYS, fail=days < FAIL_DAYS, remedy=DRY_RUN)
