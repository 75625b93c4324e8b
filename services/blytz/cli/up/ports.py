"""Which port is whose, and whether it is free."""

import errno
import os
import socket

from blytz.kit.user_error import UserError

# 8080, 8081 and 8084 for the public port 8000, the services' own defaults.
STEPS = {"auction": 80, "live": 81, "hammer": 84}
HIGHEST = 65_535
INSIDE = "127.0.0.1"


def variable(service: str) -> str:
    return f"BLYTZ_{service.upper()}_PORT"


def inner_ports(public: int) -> dict[str, int]:
    """Of each service, for the gateway alone. Raises UserError."""
    return {service: _inner_port(service, public + step) for service, step in STEPS.items()}


def _inner_port(service: str, usual: int) -> int:
    text = os.environ.get(variable(service))
    if text is None and usual > HIGHEST:
        raise UserError(f"--port leaves no room for the port of {service} ({usual}); set {variable(service)}")
    port = usual if text is None else int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < port <= HIGHEST:
        raise UserError(f"{variable(service)}={text} is not a port (1 to {HIGHEST})")
    return port


def check_free(host: str, public: int, inner: dict[str, int]) -> None:
    """Raises UserError for the first that is not."""
    _try(host, public, "choose another with --port")
    taken = {public: "--port"}
    for service, port in inner.items():
        if port in taken:
            raise UserError(f"port {port} is both {taken[port]} and {variable(service)}; give each its own")
        taken[port] = variable(service)
        _try(INSIDE, port, f"choose another for {service} with {variable(service)}")


def _try(host: str, port: int, remedy: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the servers do: connections of the last run that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UserError(f"port {port} on {host} is in use by another program; {remedy}") from None
            if error.errno == errno.EACCES:
                raise UserError(f"port {port} needs rights that you do not have; {remedy}") from None
            raise UserError(
                f"cannot listen on {host} ({error.strerror}); name an address of this machine with --host"
            ) from None
