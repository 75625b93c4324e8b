"""Ports for servers that are only here for a while: those of tests, of the load test and of the bench."""

import contextlib
import itertools
import random
import socket

# Below the range from which the system takes the ports of outgoing connections: none of those can come between
# choosing a port and listening on it. Where the search starts differs from one run to the next.
FIRST_PORT, LAST_PORT = 12_000, 32_000
_candidates = itertools.count(random.SystemRandom().randrange(LAST_PORT - FIRST_PORT))


def free_port() -> int:
    """A TCP port of this machine that nobody listens on, and that is not given out again."""
    for candidate in _candidates:
        port = FIRST_PORT + candidate % (LAST_PORT - FIRST_PORT)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError("unreachable: counting does not end")
