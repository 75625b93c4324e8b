"""What the doctor looks at on this machine, and at the public door."""

import http.client
import resource
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from blytz.cli.doctor_findings import Finding, judge
from blytz.kit.settings import Settings, variable

WITHIN_S: Final = 3.0
WARN_FREE: Final = 0.2
FAIL_FREE: Final = 0.1
WARN_DAYS: Final = 21
FAIL_DAYS: Final = 7
SPARE_FILES: Final = 500
"""Besides one for each connection."""
DAY_S: Final = 86_400


def findings(settings: Settings) -> Iterator[Finding]:
    yield _disk(settings.data)
    yield _open_files(settings.most_connections)
    for service in ("auction", "live", "hammer"):
        yield _port(service, settings.host, getattr(settings, f"{service}_port"))
    yield certificate(settings.public_url, is_production=settings.env == "production")


def _disk(data: Path) -> Finding:
    place = data.absolute()
    while not place.exists():
        place = place.parent
    usage = shutil.disk_usage(place)
    free = usage.free / usage.total
    why = f"{free:.0%} free ({usage.free / 2**30:.1f} GiB) at {place}"
    remedy = "make room: Redis refuses bids when its disk is full"
    return judge("Disk", why, warn=free < WARN_FREE, fail=free < FAIL_FREE, remedy=remedy)


def _open_files(most_connections: int) -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = most_connections + SPARE_FILES
    is_few = hard != resource.RLIM_INFINITY and hard < needed
    allowed = "no limit" if hard == resource.RLIM_INFINITY else f"{hard} allowed"
    remedy = f"LimitNOFILE={needed} (systemd), `ulimit -Hn`, or a smaller {variable('most_connections')}"
    return judge("Open files", f"{allowed}, {needed} wanted", warn=is_few, remedy=remedy)


def _port(service: str, host: str, port: int) -> Finding:
    """A service that is not here may run elsewhere; a stranger on its port is a fault."""
    name, reached = f"Port {port} ({service})", {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    connection = http.client.HTTPConnection(reached, port, timeout=WITHIN_S)
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        said = msgspec.json.decode(answer.read(65_536))
        away = [what for what, found in said["dependencies"].items() if found["state"] != "up"]
    except ConnectionRefusedError:
        return Finding(name, "warn", "free: the service does not run here", "start it, unless it runs elsewhere")
    except (OSError, http.client.HTTPException, msgspec.MsgspecError, LookupError, TypeError, AttributeError):
        remedy = f"stop what listens there, or choose another {variable(f'{service}_port')}"
        return Finding(name, "fail", "somebody listens who is not this service", remedy)
    finally:
        connection.close()
    why = f"runs, without {', '.join(away)}" if away else "runs and is ready"
    return judge(name, why, fail=bool(away), remedy="the service's log says what it waits for")


def certificate(public_url: str, *, is_production: bool, trusted: str | None = None) -> Finding:
    """`trusted` is a file of certificates to believe, in place of the system's."""
    name, where = "Certificate", variable("public_url")
    if not public_url:
        return judge(name, f"not looked at: {where} is not set", warn=is_production, remedy=f"set {where}")
    parts = urlsplit(public_url)
    if parts.scheme != "https" or not parts.hostname:
        why = f"{public_url} is not https: tokens and bids cross the network in plain text"
        return judge(name, why, warn=True, fail=is_production, remedy="get a certificate, see infra/nginx")
    try:
        context = ssl.create_default_context(cafile=trusted)
        with (
            socket.create_connection((parts.hostname, parts.port or 443), timeout=WITHIN_S) as wire,
            context.wrap_socket(wire, server_hostname=parts.hostname) as secured,
        ):
            shown = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return Finding(name, "fail", f"not believed: {error.verify_message}", "renew it: `certbot renew`")
    except (OSError, ValueError) as error:
        why = f"{parts.hostname} cannot be reached: {error}"
        return Finding(name, "fail", why, f"mend {where}, DNS, the firewall or nginx")
    days = (ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) / DAY_S
    remedy = "its renewal does not work: `certbot renew --dry-run` says why"
    return judge(name, f"good for {days:.0f} days", warn=days < WARN_DAYS, fail=days < FAIL_DAYS, remedy=remedy)
