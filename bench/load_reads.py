"""Readers of the catalogue in a closed loop, each over one HTTP keep-alive connection."""

import asyncio
import re
import time
from itertools import cycle

import httpx

from bench.jobs import ReadsJob, Result
from bench.tally import Tally
from bench.wire import HttpConnection, connect_all

WARM_UP_S = 1.0
_FROM_DATABASE = re.compile(r'^blytz_catalogue_reads_total\{by="catalogue"\} ([\d.e+]+)$', re.MULTILINE)


class Reader:
    """Asks for its paths in turn; all that is not 200 is counted by its status."""

    def __init__(self, paths: list[str], first: int, tally: Tally) -> None:
        self._paths = cycle(paths[first % len(paths) :] + paths[: first % len(paths)])
        self._tally = tally
        self._sent_at = 0.0
        self._connection = HttpConnection(self._answered)
        self.received_bytes = 0
        self.going = True

    async def connect(self, port: int) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self._connection, "127.0.0.1", port)

    def ask(self) -> None:
        self._sent_at = time.perf_counter()
        self._connection.get(next(self._paths))

    def _answered(self, status: int, body: bytes) -> None:
        self._tally.answered("accepted" if status == 200 else str(status), time.perf_counter() - self._sent_at)
        if self._tally.counting:
            self.received_bytes += len(body)
        if self.going:
            self.ask()

    def disconnect(self) -> None:
        self._connection.disconnect()


def _from_database(port: int) -> int:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    found = _FROM_DATABASE.search(text)
    return int(float(found[1])) if found else 0


async def run_reads(job: ReadsJob) -> Result:
    tally = Tally(job.target)
    readers = [Reader(job.paths, number, tally) for number in range(job.connections)]
    await connect_all(reader.connect(job.target.port) for reader in readers)
    for reader in readers:
        reader.ask()
    await asyncio.sleep(WARM_UP_S)
    before = _from_database(job.metrics_port)
    result = await tally.measure(0.0, job.seconds)
    for reader in readers:
        reader.going = False
    result.from_database = _from_database(job.metrics_port) - before
    result.received_bytes = sum(reader.received_bytes for reader in readers)
    # The last answers arrive, so that nothing of this round falls into the next one.
    await asyncio.sleep(0.3)
    for reader in readers:
        reader.disconnect()
    return result
