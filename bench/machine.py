"""Reads CPU time and memory of processes from /proc, and starts a process pinned to one core."""

import contextlib
import os
import platform
import re
import subprocess
import time
import urllib.request
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"

SERVER_CORE = 0
"""Runs the measured server and Redis: the one core of a small server."""
LOAD_CORE = 1
"""Runs only the load generator."""

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process so far."""
    # The name in brackets may hold spaces, so the numbers are read after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def busy_seconds() -> float:
    """Busy time of all cores so far, including time stolen by other virtual machines of the host."""
    first = Path("/proc/stat").read_text().partition("\n")[0].split()
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, first[1:9])
    return (user + nice + system + irq + softirq + steal) / _TICKS_PER_S


def cpu_by_name(root: int) -> dict[str, float]:
    """CPU seconds so far of a process and all its descendants, by program name."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(stat[1]), []).append(int(entry.name))
    seconds: defaultdict[str, float] = defaultdict(float)
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, [])
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").split()
            name = words[-1] if "serve" in words else Path(words[0].rstrip(":")).name if words else "?"
            seconds[name] += cpu_seconds(pid)
    return seconds


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def describe() -> str:
    found = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    model = found[1].strip() if found else "unknown processor"
    release = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{os.cpu_count()} x {model}, {release}, Python {platform.python_version()}"


class Process:
    """A process pinned to one core, its output in a file, ended by `stop`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        core: int,
        folder: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as out:
            self._child = subprocess.Popen(
                ["taskset", "-c", str(core), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=ROOT,
            )

    @property
    def pid(self) -> int:
        """Of the program: taskset replaces itself with it."""
        return self._child.pid

    def wait_for(self, url: str, within_s: float = 20.0) -> None:
        """Wait until `url` answers. Raises RuntimeError with the end of the log when it does not."""
        until = time.monotonic() + within_s
        while time.monotonic() < until and self._child.poll() is None:
            try:
                with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - loopback, http
                    return
            except OSError:
                time.sleep(0.05)
        tail = self.log.read_text(errors="replace")[-800:]
        self.stop()
        raise RuntimeError(f"{self.name} does not answer at {url}:\n{tail}")

    def stop(self) -> None:
        self._child.terminate()
        try:
            self._child.wait(15)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
