"""Lines of many processes on one terminal."""

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest

from blytz.cli.up.console import MAX_WAITING, Console
from tests.support.wait import until


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def a_line(descriptor: int) -> bytes:
    """Reads a line, which a terminal may return in pieces."""
    events_received = b""
    while not events_received.endswith(b"\n"):
        events_received += os.read(descriptor, 1_000)
    return events_received


async def test_each_line_has_the_name_of_its_process(pipe: tuple[int, int]) -> None:
    console = Console(["blytz", "auction"], pipe[1])
    console.write("one\ntwo", "auction")
    console.write("three")
    assert os.read(pipe[0], 1_000) == b"auction | one\nauction | two\nblytz   | three\n"


async def test_a_child_cannot_send_control_characters_to_the_terminal(pipe: tuple[int, int]) -> None:
    Console(["x"], pipe[1]).write("\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x00 a\tb\r", "x")
    assert os.read(pipe[0], 1_000) == b"x | red ]0;title [2J a    b\n"


async def test_colours_are_used_only_on_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    reader, terminal = pty.openpty()
    Console(["redis"], terminal).write("\x1b[1mbold", "redis")
    assert a_line(reader) == b"\x1b[31mredis |\x1b[0m \x1b[1mbold\x1b[0m\r\n"
    monkeypatch.setenv("NO_COLOR", "1")
    Console(["redis"], terminal).write("\x1b[1mbold", "redis")
    assert a_line(reader) == b"redis | bold\r\n"
    os.close(reader)
    os.close(terminal)


async def test_a_reader_that_stops_reading_blocks_no_process(pipe: tuple[int, int]) -> None:
    console = Console(["x"], pipe[1])
    for number in range(3 * MAX_WAITING):
        console.write(f"{number} " + "y" * 100, "x")
    events_received = b""

    def everything_came() -> bool:
        nonlocal events_received
        os.set_blocking(pipe[0], False)
        try:
            events_received += os.read(pipe[0], 1_000_000)
        except BlockingIOError:
            console.write("more", "x")
        return b"lines were dropped" in events_received

    await until(everything_came, "what fits was read, and the rest counted")
    assert b"x | 0 y" in events_received


async def test_lines_for_a_full_disk_are_written_once_it_has_space(pipe: tuple[int, int]) -> None:
    output = os.open("/dev/full", os.O_WRONLY)
    console = Console(["x"], output)
    console.write("one")
    console.write("two")
    os.dup2(pipe[1], output)
    os.set_blocking(pipe[0], False)
    received = b""

    def everything_came() -> bool:
        nonlocal received
        with contextlib.suppress(BlockingIOError):
            received += os.read(pipe[0], 1_000)
        return received == b"blytz | one\nblytz | two\n"

    await until(everything_came, "both lines are written")
    os.close(output)


async def test_a_closed_terminal_raises_no_error() -> None:
    reader, writer = os.pipe()
    console = Console(["x"], writer)
    os.close(reader)
    console.write("nobody reads this")
    console.write("nor this")
    os.close(writer)


def test_no_file_gets_the_descriptor_of_a_closed_standard_output() -> None:
    opens_a_file = (
        "import contextlib, os, sys\n"
        "from blytz.cli import main\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main(['--help'])\n"
        "sys.exit(os.open(os.devnull, os.O_RDONLY))"
    )
    ended = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", opens_a_file], check=False)
    assert ended.returncode > 2
