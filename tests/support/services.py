"""Services of the platform as real processes, that a test may end, freeze and start again."""

import re
import signal
import subprocess
from pathlib import Path
from typing import Literal, Self

from blytz.kit.config.model import variable
from infra.ports import free_port
from tests.support.pages import page_of
from tests.support.platform import blytz, clean_env, tells_of_fault
from tests.support.wait import wait_until

READY_WITHIN_S = 20.0
STOPPED_WITHIN_S = 15.0

HIGH_LIMITS = {f"BLYTZ_{name}": "1000000" for name in ("BIDS_PER_S", "BIDS_BURST", "WRITES_PER_S", "WRITES_BURST")}
HIGH_LIMITS["BLYTZ_STORED_BYTES_PER_DAY"] = "1000000000000"
"""One test's Anna does in a second what a bidder does in an evening; limits have tests of their own."""

Name = Literal["auction", "live", "hammer"]


class Service:
    """One `blytz serve NAME`, started on construction; `folder` holds its log, and the dev key of all services
    that share it. Its port stays the same when it is started again."""

    def __init__(self, name: Name, redis_url: str, folder: Path, **settings: object) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.name = name
        self.port = free_port()
        self._log = folder / f"{name}-{self.port}.log"
        usual = {"env": "dev", "data": folder, "log": "json", f"{name}_port": self.port}
        given = {variable(key): str(value) for key, value in {**usual, **settings}.items()}
        self._env = clean_env(REDIS_URL=redis_url, **{**HIGH_LIMITS, **given})
        self.start()

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts it without waiting; `wait_until_ready` waits."""
        assert self._process is None, f"{self.name} is running"
        with self._log.open("ab") as log:
            command = blytz("serve", self.name)
            self._process = subprocess.Popen(command, env=self._env, stdout=log, stderr=log)

    def wait_until_ready(self) -> Self:
        """Waits until /ready answers 200."""
        wait_until(lambda: self.page("/ready")[0] == 200, f"{self.name} is ready", READY_WITHIN_S)
        return self

    def page(self, path: str) -> tuple[int, str]:
        """Status and body of one of the operator's pages; status 0 without an answer."""
        assert self._process is not None, f"{self.name} is not running"
        assert self._process.poll() is None, f"{self.name} ended:\n{self.log()}"
        status, _, body = page_of(self.port, path)
        return status, body.decode()

    def metric(self, name: str) -> float:
        """The value of one sample by its name and labels; 0 if it does not exist yet."""
        status, text = self.page("/metrics")
        assert status == 200, f"{self.name} shows no metrics"
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def memory_kb(self) -> int:
        """Resident memory. Linux only."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found
        return int(found[1])

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def faults(self) -> str:
        """The lines of the log about a fault of the program itself."""
        lines = [line for line in self.log().splitlines() if "corrupt_auction" not in line]
        return "\n".join(filter(tells_of_fault, lines))

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ends it with SIGTERM; returns the exit code."""
        return self._end(signal.SIGTERM)

    def terminate(self) -> None:
        """Sends SIGTERM; `wait` returns the exit code."""
        self._signal(signal.SIGTERM)

    def wait(self) -> int:
        """Waits until it ends by itself; returns the exit code."""
        assert self._process is not None, f"{self.name} is not running"
        code = self._process.wait(STOPPED_WITHIN_S)
        self._process = None
        return code

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends it in any state."""
        if self._process:
            self.kill()

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        assert process is not None, f"{self.name} is not running"
        process.send_signal(how)
        try:
            return process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    def _signal(self, how: signal.Signals) -> None:
        assert self._process is not None, f"{self.name} is not running"
        self._process.send_signal(how)
