"""Keeps child processes running, and leaves none behind. Why not a library: specs/decisions (supervision)."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from blytz.cli.up.console import MAX_LINE_BYTES, Console

MIN_BACKOFF_S = 0.2
MAX_BACKOFF_S = 2.0
"""Redis ends as long as its disk is full; once there is room, bids are to be taken within 5 s."""
STABLE_AFTER_S = 10.0
"""A child that ran for this long counts as healthy: its next restart has the shortest backoff."""
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class Child:
    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    folder: Path
    parent_death_signal: signal.Signals = signal.SIGKILL
    """Sent by the kernel when `blytz up` itself was killed. A child with children of its own needs one that it
    can handle, to stop them."""
    inherits: tuple[int, ...] = ()
    """File descriptors."""
    format_line: Callable[[str], str | None] = lambda line: line
    """Brings a line of its log into the common form; None leaves the line out."""


class Supervisor:
    def __init__(self, console: Console, on_change: Callable[[], None]) -> None:
        """`on_change` is called whenever `pids` has changed. It must not raise."""
        self._console = console
        self._on_change = on_change
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, asyncio.Event] = {}
        self.failures: dict[str, int] = {}
        """By name: how often in a row it ended within `STABLE_AFTER_S`."""

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._processes.items()}

    def start(self, child: Child) -> None:
        self._stops[child.name] = asyncio.Event()
        self._tasks[child.name] = asyncio.create_task(self._keep_running(child), name=child.name)

    async def stop(self, names: Iterable[str], grace_s: float) -> None:
        """Send SIGTERM; after `grace_s` seconds kill those that still run."""
        known = [name for name in names if name in self._tasks]
        for name in known:
            self._stops[name].set()
            self._signal(name, signal.SIGTERM)
        tasks = [self._tasks.pop(name) for name in known]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace_s)
        if late:
            for name in known:
                if name in self._processes:
                    self._console.write(f"{name} did not stop within {grace_s:g} s and is killed")
                    self.kill(name)
        await asyncio.gather(*tasks)

    def kill(self, name: str) -> None:
        """Kill it and every process that it started."""
        if process := self._processes.get(name):
            _kill_group(process.pid)

    def kill_all(self) -> None:
        for name, stop in self._stops.items():
            stop.set()
            self.kill(name)

    def _signal(self, name: str, number: signal.Signals) -> None:
        if process := self._processes.get(name):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)

    async def _keep_running(self, child: Child) -> None:
        loop, stop = asyncio.get_running_loop(), self._stops[child.name]
        backoff_s = MIN_BACKOFF_S
        while not stop.is_set():
            started_at = loop.time()
            try:
                end = await self._run_once(child)
            except Exception as error:  # noqa: BLE001 # whatever it is: reported, and tried again
                end = f"cannot be started ({str(error) or type(error).__name__})"
            if stop.is_set():
                return
            if loop.time() - started_at > STABLE_AFTER_S:
                backoff_s, self.failures[child.name] = MIN_BACKOFF_S, 0
            self.failures[child.name] = self.failures.get(child.name, 0) + 1
            self._console.write(f"{child.name} {end}; it starts again in {backoff_s:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), backoff_s)
            backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)

    async def _run_once(self, child: Child) -> str:
        """Run it until it ends; returns how it ended, as the rest of a sentence."""
        read_end, write_end = os.pipe()
        output = os.fdopen(read_end, "rb", buffering=0)
        try:
            process = await asyncio.create_subprocess_exec(
                *child.command,
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=dict(child.env),
                cwd=child.folder,
                pass_fds=child.inherits,
                # Ctrl-C in the terminal reaches this process alone, which stops the others in their order.
                start_new_session=True,
                preexec_fn=_end_with_parent(child.parent_death_signal),
            )
        except BaseException:
            output.close()
            raise
        finally:
            os.close(write_end)
        self._processes[child.name] = process
        self._on_change()
        if self._stops[child.name].is_set():
            self._signal(child.name, signal.SIGTERM)
        relay = asyncio.create_task(self._relay(child, output))
        code = await process.wait()
        # A killed nginx leaves workers that hold its port.
        _kill_group(process.pid)
        await relay
        del self._processes[child.name]
        self._on_change()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    async def _relay(self, child: Child, output: IO[bytes]) -> None:
        """Copy its output to the console. A child whose output can no longer be read is killed: it would wait for
        its reader, or write without a reader."""
        try:
            await self._copy_lines(child, output)
        except Exception as error:  # noqa: BLE001 # whatever it is: reported, and the child started again
            output.close()
            self._console.write(
                f"the output of {child.name} cannot be read ({str(error) or type(error).__name__})"
            )
            self.kill(child.name)

    async def _copy_lines(self, child: Child, output: IO[bytes]) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), output
        )
        rest = b""
        try:
            while chunk := await reader.read(65_536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._write(child, line)
                if len(rest) > MAX_LINE_BYTES:
                    self._write(child, rest)
                    rest = b""
            if rest:
                self._write(child, rest)
        finally:
            transport.close()

    def _write(self, child: Child, line: bytes) -> None:
        if text := child.format_line(line.decode(errors="replace")):
            self._console.write(text, child.name)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _end_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Runs in the child before its program: Linux then sends it the signal when this process ends, even by
    SIGKILL. On other systems the children of a killed `blytz up` go on."""
    if sys.platform != "linux":
        return None
    parent, prctl = os.getpid(), ctypes.CDLL(None).prctl

    def request_signal() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            os._exit(1)

    return request_signal
