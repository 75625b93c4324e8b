"""The ports of the platform's processes, and whether they are free."""

import errno
import os
import socket

from blytz.kit.user_error import UserError

# Added to the public port: for 8000 they give 8080, 8081 and 8084, the defaults of the services.
STEPS = {"auction": 80, "live": 81, "hammer": 84}
MAX_PORT = 65_535
LOOPBACK = "127.0.0.1"


def variable(service: str) -> str:
    return f"BLYTZ_{service.upper()}_PORT"


def inner_ports(public: int) -> dict[str, int]:
    """By service; only the gateway connects to them. Raises UserError."""
    return {service: _inner_port(service, public + step) for service, step in STEPS.items()}


def _inner_port(service: str, usual: int) -> int:
    text = os.environ.get(variable(service))
    if text is None and usual > MAX_PORT:
        raise UserError(f"--port leaves no room for the port of {service} ({usual}); set {variable(service)}")
    port = usual if text is None else int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < port <= MAX_PORT:
        raise UserError(f"{variable(service)}={text} is not a port (1 to {MAX_PORT})")
    return port


def check_free(host: str, public: int, inner: dict[str, int]) -> None:
    """Raises UserError for the first port that is taken, and for one that is given twice."""
    _try(host, public, "choose another with --port")
    taken = {public: "--port"}
    for service, port in inner.items():
        if port in taken:
            raise UserError(f"port {port} is both {taken[port]} and {variable(service)}; give each its own")
        taken[port] = variable(service)
        _try(LOOPBACK, port, f"choose another for {service} with {variable(service)}")


def _try(host: str, port: int, remedy: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # The servers set it too: a port with closing connections of the last run counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UserError(f"port {port} on {host} is in use by another program; {remedy}") from None
            if error.errno == errno.EACCES:
                raise UserError(f"port {port} needs rights that this user does not have; {remedy}") from None
            raise UserError(
                f"cannot listen on {host} ({error.strerror}); name an address of this machine with --host"
            ) from None
