"""Free ports for the temporary servers of tests, load test and bench."""

import contextlib
import fcntl
import itertools
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the range for outgoing connections, so that none of those takes a port between its choice and `listen`. The
# search starts at a random port.
FIRST_PORT, LAST_PORT = 12_000, 32_000
_candidates = itertools.count(random.SystemRandom().randrange(LAST_PORT - FIRST_PORT))
# A process locks one byte of this file for each of its ports, until it ends.
_claims = os.open(Path(tempfile.gettempdir()) / f"blytz-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)


def free_port() -> int:
    """A TCP port without a listener. No other process of this user gets it until this process ends."""
    for candidate in _candidates:
        port = FIRST_PORT + candidate % (LAST_PORT - FIRST_PORT)
        with contextlib.suppress(OSError), socket.socket() as probe:
            fcntl.lockf(_claims, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: counting does not end")
