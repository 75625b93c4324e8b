"""Checks of this machine: disk, open files, and what listens on the ports of the services."""

import http.client
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from blytz.cli.doctor.findings import Finding, judge
from blytz.kit.addresses import reached_as
from blytz.kit.config.model import Settings, variable

WITHIN_S: Final = 3.0
WARN_FREE: Final = 0.2
FAIL_FREE: Final = 0.1
NO_PAGE: Final = (
    OSError,
    http.client.HTTPException,
    msgspec.MsgspecError,
    LookupError,
    TypeError,
    AttributeError,
)
"""What is raised by the answer of another program, or of none."""
SPARE_FILES: Final = 500
"""Open files that a process needs besides one for each connection."""


def findings(settings: Settings) -> Iterator[Finding]:
    yield _open_files(settings.most_connections)
    for service in ("auction", "live", "hammer"):
        yield _port(service, settings.host, getattr(settings, f"{service}_port"))


def disk(name: str, folder: Path) -> Finding:
    """Free space for this folder, which may not exist yet."""
    place = folder.absolute()
    try:
        while not place.exists():
            place = place.parent
        usage = shutil.disk_usage(place)
    except OSError as error:
        return Finding(
            name, "warn", f"cannot read {place}: {error.strerror}", "run it as the user of the services"
        )
    free = usage.free / usage.total
    why = f"{free:.0%} free ({usage.free / 2**30:.1f} GiB) at {place}"
    remedy = "free some space: Redis refuses bids when its disk is full"
    return judge(name, why, warn=free < WARN_FREE, fail=free < FAIL_FREE, remedy=remedy)


def dependencies(host: str, port: int) -> dict[str, Any]:
    """Those that `/ready` of the service on this port names, with their states. Raises one of `NO_PAGE`."""
    connection = _connection(host, port)
    try:
        return _dependencies(connection)
    finally:
        connection.close()


def _connection(host: str, port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(reached_as(host), port, timeout=WITHIN_S)


def _dependencies(connection: http.client.HTTPConnection) -> dict[str, Any]:
    connection.request("GET", "/ready")
    found: dict[str, Any] = msgspec.json.decode(connection.getresponse().read(65_536))["dependencies"]
    return found


def _open_files(max_connections: int) -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = max_connections + SPARE_FILES
    is_few = hard != resource.RLIM_INFINITY and hard < needed
    allowed = "no limit" if hard == resource.RLIM_INFINITY else f"{hard} allowed"
    remedy = f"LimitNOFILE={needed} (systemd), `ulimit -Hn`, or a smaller {variable('most_connections')}"
    return judge("Open files", f"{allowed}, {needed} wanted", warn=is_few, remedy=remedy)


def _port(service: str, host: str, port: int) -> Finding:
    """A service that does not run here may run elsewhere; another program on its port is a fault."""
    name = f"Port {port} ({service})"
    connection = _connection(host, port)
    try:
        connection.connect()
    except ConnectionRefusedError:
        return Finding(name, "warn", "free: the service does not run here", "start it, unless it runs elsewhere")
    except OSError as error:
        why = f"cannot connect to {host}: {error.strerror or error}"
        return Finding(name, "fail", why, f"make {variable('host')} an address of this machine")
    try:
        parts = _dependencies(connection)
        away = [what for what, found in parts.items() if found["state"] not in {"up", "unasked", "unavailable"}]
        needed = [what for what in away if not parts[what].get("optional")]
    except TimeoutError:
        remedy = "read its log, if it is the service; else stop what listens there"
        return Finding(name, "fail", f"something listens, and does not answer in {WITHIN_S:g} s", remedy)
    except NO_PAGE:
        remedy = f"stop what listens there (`ss -ltnp`), or choose another {variable(f'{service}_port')}"
        return Finding(name, "fail", "another program listens here", remedy)
    finally:
        connection.close()
    why = f"runs, without {', '.join(away)}" if away else "runs and is ready"
    return judge(name, why, warn=bool(away), fail=bool(needed), remedy="the log of the service names the reason")
