"""A Redis for the benchmark, configured for durability like the one that `blytz up` starts."""

import time
from pathlib import Path

import redis

from bench.machine import SERVER_CORE, Process


class RedisServer:
    """On a unix socket in `folder`; every write is on disk before its sender is answered."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
            "client-output-buffer-limit": "pubsub 256mb 128mb 60",
            # A rewrite during a round would disturb one side only.
            "auto-aof-rewrite-percentage": "0",
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self.process = Process("redis", ["redis-server", *words], core=SERVER_CORE, folder=folder)
        self.client = redis.Redis(unix_socket_path=str(self.socket))
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 10
        while True:
            try:
                self.client.ping()
            except redis.ConnectionError:
                if time.monotonic() > until:
                    raise RuntimeError(f"redis-server does not start: see {self.process.log}") from None
                time.sleep(0.05)
            else:
                return

    def clear(self) -> None:
        """Called between rounds, so that no side works on the data of the other."""
        self.client.flushall()

    def stop(self) -> None:
        self.client.close()
        self.process.stop()
