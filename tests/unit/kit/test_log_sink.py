"""A log that is not read blocks no process."""

import json
import os
import threading
import time
from pathlib import Path

from blytz.kit.telemetry.log_lines import Lines, auction_of
from blytz.kit.telemetry.log_sink import Sink
from tests.support.wait import wait_until

PIPE = 65_536


def test_a_blocked_log_reader_loses_lines_but_blocks_nobody() -> None:
    read_end, write_end = os.pipe()
    sink = Sink(write_end, max_lines=100)
    line = b"x" * 4_095 + b"\n"
    slowest = 0.0
    for _ in range(2_000):
        began = time.thread_time()
        sink.put(line)
        slowest = max(slowest, time.thread_time() - began)
    assert slowest < 0.02
    assert sink.dropped >= 2_000 - 100 - 100 - PIPE // len(line)

    received = bytearray()

    def read() -> None:
        while chunk := os.read(read_end, PIPE):
            received.extend(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    sink.close(within_s=5)
    os.close(write_end)
    reader.join(5)
    os.close(read_end)
    # All lines that were not counted as dropped arrive complete and in order.
    assert len(received) == (2_000 - sink.dropped) * len(line)


def test_all_written_lines_are_flushed_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "log"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
    sink = Sink(descriptor)
    for number in range(5_000):
        sink.write(f"{number}\n")
    sink.close()
    os.close(descriptor)
    assert file.read_text().split() == [str(number) for number in range(5_000)]


def test_a_log_whose_reader_has_closed_raises_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    sink = Sink(write_end)
    sink.write("nobody\n")
    sink.close()
    os.close(write_end)


def test_only_the_configured_share_of_decisions_is_logged(tmp_path: Path) -> None:
    file = tmp_path / "log"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
    sink, lines = Sink(descriptor), Lines()
    lines.bid("r", "u", "auc_1", "accepted", "", 0.001)
    lines.open(sink, "live", requests=False, decisions=0.25)
    for _ in range(100):
        lines.bid("r", "u", "auc_1", "refused", "bid_too_low", 0.0012345)
        lines.request("r", None, "GET", "/v1/auctions", 200, 0.001)
    wait_until(lambda: file.read_text().count("\n") == 25, "a quarter of the lines")
    sink.close()
    os.close(descriptor)
    written = json.loads(file.read_text().splitlines()[0])
    assert written.pop("timestamp").endswith("Z")
    assert written == {
        "service": "live",
        "event": "bid",
        "request_id": "r",
        "user_id": "u",
        "auction_id": "auc_1",
        "outcome": "refused",
        "code": "bid_too_low",
        "duration_ms": 1.234,
        "level": "info",
    }


def test_the_auction_is_read_from_the_path() -> None:
    assert auction_of("/v1/auctions/auc_1/events") == "auc_1"
    assert auction_of("/v1/auctions/auc_1") == "auc_1"
    assert not auction_of("/v1/auctions")
    assert not auction_of("/v1/auctions/")
