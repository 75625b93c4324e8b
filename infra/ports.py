"""Ports for temporary servers: those of tests, of the load test and of the bench."""

import contextlib
import fcntl
import itertools
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the range from which the system takes the ports of outgoing connections: none of those can come between
# choosing a port and listening on it. Where the search starts differs from one run to the next.
FIRST_PORT, LAST_PORT = 12_000, 32_000
_candidates = itertools.count(random.SystemRandom().randrange(LAST_PORT - FIRST_PORT))
# One byte of this file is locked for each port that a process has been given, until that process ends.
_claims = os.open(Path(tempfile.gettempdir()) / f"blytz-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)


def free_port() -> int:
    """A TCP port of this machine that nobody listens on. No other call gets it, in any process of this user, until
    this process ends."""
    for candidate in _candidates:
        port = FIRST_PORT + candidate % (LAST_PORT - FIRST_PORT)
        with contextlib.suppress(OSError), socket.socket() as probe:
            fcntl.lockf(_claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: counting does not end")
