"""Keeps child processes running, and leaves none behind. Why our own: specs/decisions (supervision)."""

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

from blytz.cli.up.console import LONGEST_LINE, Console

BACKOFF_FIRST_S = 0.2
BACKOFF_MOST_S = 10.0
SOUND_AFTER_S = 10.0
"""A child that lived this long is started again at once, as if it had never died."""
PR_SET_PDEATHSIG = 1


def _as_it_is(line: str) -> str | None:
    return line


@dataclass(frozen=True, kw_only=True)
class Child:
    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    folder: Path
    orphaned: signal.Signals = signal.SIGKILL
    """What the kernel sends it when we die without a word. A child with children of its own must get one that
    lets it stop them."""
    keeps: tuple[int, ...] = ()
    """Open files that it inherits."""
    tidy: Callable[[str], str | None] = _as_it_is
    """From a line of its log to one that looks like everybody's; None for one that tells nobody anything."""


class Supervisor:
    def __init__(self, console: Console, on_change: Callable[[], None]) -> None:
        """`on_change` is called whenever `pids` has changed."""
        self._console = console
        self._on_change = on_change
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._stops: dict[str, asyncio.Event] = {}
        self.ends: dict[str, int] = {}
        """How often in a row each ended without having been sound."""

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._processes.items()}

    def start(self, child: Child) -> None:
        self._stops[child.name] = asyncio.Event()
        self._keepers[child.name] = asyncio.create_task(self._keep(child), name=f"keep {child.name}")

    async def stop(self, names: Iterable[str], grace_s: float) -> None:
        """Ask with SIGTERM; kill what is still there when `grace_s` seconds are over."""
        known = [name for name in names if name in self._keepers]
        for name in known:
            self._stops[name].set()
            self._signal(name, signal.SIGTERM)
        keepers = [self._keepers.pop(name) for name in known]
        if not keepers:
            return
        _, late = await asyncio.wait(keepers, timeout=grace_s)
        if late:
            for name in known:
                if name in self._processes:
                    self._console.say(f"{name} did not stop within {grace_s:g} s and is killed")
                    self.kill(name)
        await asyncio.gather(*keepers)

    def kill(self, name: str) -> None:
        """With everything that it started."""
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

    async def _keep(self, child: Child) -> None:
        """Run it, again and again, until it is to stop."""
        loop, stop = asyncio.get_running_loop(), self._stops[child.name]
        delay = BACKOFF_FIRST_S
        while not stop.is_set():
            began = loop.time()
            end = await self._run_once(child)
            if stop.is_set():
                return
            if loop.time() - began > SOUND_AFTER_S:
                delay, self.ends[child.name] = BACKOFF_FIRST_S, 0
            self.ends[child.name] = self.ends.get(child.name, 0) + 1
            self._console.say(f"{child.name} {end}; it starts again in {delay:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay)
            delay = min(delay * 2, BACKOFF_MOST_S)

    async def _run_once(self, child: Child) -> str:
        """How it ended, in words."""
        read_end, write_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *child.command,
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=dict(child.env),
                cwd=child.folder,
                pass_fds=child.keeps,
                # A Ctrl-C in the terminal reaches us alone; we stop the others in their order.
                start_new_session=True,
                preexec_fn=_tie_to_us(child.orphaned),
            )
        except OSError as error:
            os.close(read_end)
            return f"cannot be started ({error})"
        finally:
            os.close(write_end)
        self._processes[child.name] = process
        self._on_change()
        if self._stops[child.name].is_set():
            self._signal(child.name, signal.SIGTERM)
        relay = asyncio.create_task(self._relay(child, read_end))
        code = await process.wait()
        # What it started and did not take along: nginx killed by force leaves workers that hold the port.
        _kill_group(process.pid)
        await relay
        del self._processes[child.name]
        self._on_change()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    async def _relay(self, child: Child, descriptor: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
        )
        rest = b""
        try:
            while chunk := await reader.read(65_536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._said(child, line)
                if len(rest) > LONGEST_LINE:
                    self._said(child, rest)
                    rest = b""
            if rest:
                self._said(child, rest)
        finally:
            transport.close()

    def _said(self, child: Child, line: bytes) -> None:
        if text := child.tidy(line.decode(errors="replace")):
            self._console.say(text, child.name)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _tie_to_us(orphaned: signal.Signals) -> Callable[[], None] | None:
    """Run in the child before it becomes another program: Linux then signals it when we are gone, even when a
    SIGKILL left us no time. OtherVariable such an end leaves the children to be stopped by hand."""
    if sys.platform != "linux":
        return None
    us, prctl = os.getpid(), ctypes.CDLL(None).prctl

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(orphaned))
        if os.getppid() != us:
            os._exit(1)

    return tie
