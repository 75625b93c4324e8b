"""The templates of infra/nginx, filled in for one gateway."""

import os
import pwd
import re
import shutil
from pathlib import Path

from blytz.cli.gateway.reference import place_reference
from blytz.cli.templates import fill, infra
from blytz.kit.config.gateway import GatewaySettings
from blytz.kit.files import write_file
from blytz.kit.http.origins import LOOPBACK_ORIGIN
from blytz.show.images.folder import FOLDER as IMAGES

MAX_CONNECTIONS = 32_768
"""Each costs nginx about 400 bytes from the start, used or not."""
SPARE_FILES = 64
STRIPPED = ("auction", "order", "payment")
"""Services that do not see the first part of the path, such as `/auction`: nginx removes it."""
_FILES = (
    *("log.conf", "limits.conf", "headers.conf", "types.conf", "problems.conf"),
    *("proxy_headers.conf", "site.conf", "nginx.conf"),
)
# Idle connections are dropped here before the service drops them (75 s), or a request could meet a closing one.
_KEPT_OPEN = "keepalive 64; keepalive_timeout 4s;"


def render(folder: Path, gateway: GatewaySettings, open_files: int, *, loopback_origins: bool = False) -> None:
    """Write all that nginx reads to `folder`, except the certificate."""
    for stale in (*folder.glob("service_*.conf"), *folder.glob("upstream_*.conf")):
        stale.unlink()
    values = _values(gateway, open_files) | {"ORIGINS": _origins(gateway.origins, loopback=loopback_origins)}
    for name in _FILES:
        write_file(folder / name, fill(f"nginx/{name}", values))
    listeners = "nginx/tls.conf" if gateway.domains else "nginx/http.conf"
    write_file(folder / "listeners.conf", fill(listeners, values))
    for name in STRIPPED:
        servers = getattr(gateway, name)
        route = "nginx/service.conf" if servers else "nginx/service_missing.conf"
        write_file(folder / f"service_{name}.conf", fill(route, {"NAME": name}))
        if servers:
            _write_upstream(folder, name, _servers(servers) + _KEPT_OPEN)
    _write_upstream(folder, "live", "least_conn; " + _servers(gateway.live))
    for name in ("tmp", "acme", "tls"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "tls").chmod(0o700)
    _place_images(folder / "media")
    _place_app(folder / "html", gateway.app)
    place_reference(folder / "reference")


def _write_upstream(folder: Path, name: str, servers: str) -> None:
    write_file(folder / f"upstream_{name}.conf", fill("nginx/upstream.conf", {"NAME": name, "SERVERS": servers}))


def _servers(addresses: tuple[str, ...]) -> str:
    """A single server is never marked as failed, because there is no other to send requests to."""
    manner = " max_fails=0" if len(addresses) == 1 else " fail_timeout=1s"
    return "".join(f"server {address}{manner}; " for address in addresses)


def _values(gateway: GatewaySettings, open_files: int) -> dict[str, str]:
    first = gateway.domains[0] if gateway.domains else ""
    port = gateway.https_port
    numbers = ("requests_per_s", "requests_burst", "requests_at_once", "sockets_per_s", "sockets_burst")
    return {
        "USER_LINE": _user_line(),
        "WORKERS": str(gateway.workers),
        "OPEN_FILES": str(open_files),
        "CONNECTIONS": str(min(open_files - SPARE_FILES, MAX_CONNECTIONS)),
        "BODY_KIB": str(gateway.body_kib),
        "ACCESS_LOG": _access_log(gateway.access_log),
        "REAL_ADDRESS": _real_address(gateway.trusted_proxies),
        "UNLIMITED": " ".join(f"{network} 1;" for network in gateway.unlimited),
        **{name.upper(): str(getattr(gateway, name)) for name in (*numbers, "sockets_at_once")},
        "CSP": gateway.csp,
        "IMAGES_ELSEWHERE": "@images_elsewhere" if gateway.images_url else "=404",
        "IMAGES_URL": gateway.images_url.rstrip("/"),
        # An address that does not exist where there is no app: `try_files` goes on to its last argument.
        "APP_FALLBACK": "/index.html" if gateway.app else "/problem/none",
        "LISTEN_HTTP": _listen(gateway, gateway.http_port, "backlog=4096"),
        "LISTEN_HTTPS": _listen(gateway, port, "ssl http2"),
        "LISTEN_HTTPS_DEFAULT": _listen(gateway, port, "ssl http2 default_server backlog=4096"),
        "HTTPS_SUFFIX": "" if port == 443 else f":{port}",
        "FIRST_DOMAIN": first,
        "DOMAINS": " ".join(gateway.domains),
        "OUR_NAMES": " ".join(f"{name} {name};" for name in gateway.domains),
    }


def _listen(gateway: GatewaySettings, port: int, how: str) -> str:
    hosts = (f"[{host}]" if ":" in host else host for host in gateway.hosts)
    return " ".join(f"listen {host}:{port} {how};" for host in hosts)


def _access_log(where: str) -> str:
    if where == "off":
        return "off"
    # A pipe is read at once by the collector of the log; a file may gather a second of lines.
    return "/dev/stdout access" if where == "stdout" else f"{where} access buffer=64k flush=1s"


def _real_address(proxies: tuple[str, ...]) -> str:
    if not proxies:
        return "# No proxy stands before us: the address of a connection is the client's."
    lines = [f"set_real_ip_from {proxy};" for proxy in proxies]
    return " ".join([*lines, "real_ip_header X-Forwarded-For;", "real_ip_recursive on;"])


def _origins(allowed: tuple[str, ...], *, loopback: bool) -> str:
    # A pattern, because a map compares plain strings without regard to case.
    names = [f'"~^{re.escape(origin)}$"' for origin in allowed] + ([f'"~{LOOPBACK_ORIGIN}"'] if loopback else [])
    return " ".join(f"{name} $http_origin;" for name in names)


def _place_app(place: Path, app: Path | None) -> None:
    """A link, because nginx would read a $ in a folder's path as a variable."""
    if place.is_symlink():
        place.unlink()
    elif place.exists():
        shutil.rmtree(place)
    if app:
        place.symlink_to(app.absolute())
    else:
        shutil.copytree(infra() / "nginx" / "html", place)


def _place_images(place: Path) -> None:
    """A link to what the auction service writes into the data folder, in which the gateway's own folder is too."""
    place.mkdir(exist_ok=True)
    link = place / IMAGES
    if not link.is_symlink():
        link.symlink_to(Path("..", "..", IMAGES))


def _user_line() -> str:
    """Started by root, nginx would run its workers as another user, who cannot read root's folders; with this line
    they run as the user who starts it."""
    return f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else "# user: the one who started nginx"
