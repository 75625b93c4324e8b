"""Child processes are restarted when they end, and stopped with all their own children."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from blytz.cli.up.console import Console
from blytz.cli.up.supervisor import Child, Supervisor
from tests.support.wait import until


class Output(Console):
    """A console that keeps its lines."""

    def __init__(self) -> None:
        super().__init__(["blytz", "child"], os.open(os.devnull, os.O_WRONLY))
        self.lines: list[tuple[str, str]] = []

    def write(self, text: str, name: str = "blytz") -> None:
        self.lines.append((name, text))

    def of(self, name: str) -> list[str]:
        return [text for who, text in self.lines if who == name]


@pytest.fixture
def output() -> Output:
    return Output()


@pytest.fixture
async def supervisor(output: Output) -> AsyncIterator[Supervisor]:
    keeper = Supervisor(output, lambda: None)
    yield keeper
    keeper.kill_all()
    await keeper.stop(["child"], 1)


def script(text: str) -> Child:
    return Child(name="child", command=(sys.executable, "-c", text), env=os.environ, folder=Path("/"))


def is_alive(pid: int) -> bool:
    """A zombie does not count as alive."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_the_lines_of_a_child_are_passed_on_whole(supervisor: Supervisor, output: Output) -> None:
    supervisor.start(
        script("import sys; print('one\\ntwo'); print('th' + 'r' * 9, 'ee', file=sys.stderr, end='')")
    )
    await until(lambda: "thrrrrrrrrr ee" in output.of("child"), "the last line, without a line end, is written")
    assert {"one", "two"} <= set(output.of("child"))


async def test_a_child_that_keeps_ending_is_restarted_after_longer_and_longer_pauses(
    supervisor: Supervisor, output: Output
) -> None:
    supervisor.start(script("raise SystemExit(3)"))
    await until(lambda: len(output.of("blytz")) >= 3, "it ended three times", within_s=10)
    assert [re.findall(r"[\d.]+", line) for line in output.of("blytz")[:3]] == [
        ["3", "0.2"],
        ["3", "0.4"],
        ["3", "0.8"],
    ]


@pytest.mark.parametrize(
    ("command", "env", "reason"),
    [("/no/such/program", {}, "No such file"), (sys.executable, {"NAME": "\0"}, "null byte")],
)
async def test_a_child_that_cannot_be_started_is_reported_and_tried_again(
    supervisor: Supervisor, output: Output, command: str, env: dict[str, str], reason: str
) -> None:
    supervisor.start(Child(name="child", command=(command,), env=env, folder=Path("/")))
    await until(lambda: len(output.of("blytz")) >= 2, "it was tried twice")
    assert all("child cannot be started" in line and reason in line for line in output.of("blytz"))


async def test_a_child_whose_output_cannot_be_read_is_started_again(
    supervisor: Supervisor, output: Output
) -> None:
    def fail_once(line: str) -> str:
        if "0" not in output.of("child"):
            output.write("0", "child")
            raise ZeroDivisionError("a mistake in format_line")
        return line

    child = replace(script("import time; print('ready', flush=True); time.sleep(600)"), format_line=fail_once)
    supervisor.start(child)
    await until(lambda: "ready" in output.of("child"), "the second one is running")
    assert output.of("blytz") == [
        "the output of child cannot be read (a mistake in format_line)",
        "child was killed by SIGKILL; it starts again in 0.2 s",
    ]


async def test_the_children_of_a_child_are_stopped_with_it(supervisor: Supervisor, output: Output) -> None:
    supervisor.start(
        script(
            "import subprocess, sys, time\n"
            "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True)\n"
            "time.sleep(600)"
        )
    )
    await until(lambda: bool(output.of("child")), "it named its own child")
    grandchild = int(output.of("child")[0])
    os.kill(supervisor.pids["child"], signal.SIGKILL)
    await until(lambda: not is_alive(grandchild), "the grandchild is gone")


async def test_a_child_that_ignores_the_signal_is_killed_after_the_grace_period(
    supervisor: Supervisor, output: Output
) -> None:
    supervisor.start(
        script(
            "import signal, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
        )
    )
    await until(lambda: bool(output.of("child")), "it ignores the signal")
    pid = supervisor.pids["child"]
    await supervisor.stop(["child"], 0.2)
    assert not is_alive(pid)
    assert "did not stop within 0.2 s" in output.of("blytz")[0]


async def test_a_child_stopped_while_it_waits_for_its_restart_is_not_started(
    supervisor: Supervisor, output: Output
) -> None:
    supervisor.start(script("raise SystemExit(3)"))
    await until(lambda: bool(output.of("blytz")), "it ended")
    async with asyncio.timeout(2):
        await supervisor.stop(["child"], 1)
    assert supervisor.pids == {}


async def test_a_child_stopped_before_its_start_is_not_started(supervisor: Supervisor) -> None:
    supervisor.start(script("import time; time.sleep(600)"))
    async with asyncio.timeout(5):
        await supervisor.stop(["child"], 5)
    assert supervisor.pids == {}
