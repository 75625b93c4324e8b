"""The ports of the platform's processes, and whether they are free."""

import errno
import os
import socket

from blytz.kit.config.model import Settings, variable
from blytz.kit.user_error import UserError

# Added to the public port: for 8000 they give 8080, 8081 and 8084, the defaults of the services.
STEPS = {"auction": 80, "live": 81, "hammer": 84}
MAX_PORT = 65_535
LOOPBACK = "127.0.0.1"


def port_variable(service: str) -> str:
    return variable(f"{service}_port")


def inner_ports(public: int, settings: Settings) -> dict[str, int]:
    """By service: the port that the environment sets, else one beside the public port. Only the gateway connects
    to them. Raises UserError."""
    ports: dict[str, int] = {}
    for service, step in STEPS.items():
        is_set = port_variable(service) in os.environ
        port = ports[service] = getattr(settings, f"{service}_port") if is_set else public + step
        if port > MAX_PORT:
            raise UserError(
                f"--port leaves no room for the port of {service} ({port}); set {port_variable(service)}"
            )
    return ports


def check_free(host: str, public: int, inner: dict[str, int]) -> None:
    """Raises UserError for the first port that is taken, and for one that is given twice."""
    _try(host, public, "choose another with --port")
    taken = {public: "--port"}
    for service, port in inner.items():
        if port in taken:
            raise UserError(f"port {port} is both {taken[port]} and {port_variable(service)}; give each its own")
        taken[port] = port_variable(service)
        _try(LOOPBACK, port, f"choose another for {service} with {port_variable(service)}")


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
