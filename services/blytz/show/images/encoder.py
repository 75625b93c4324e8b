"""Makes files of an upload in a process of its own (`images/worker.py`).

That process has the memory and the processor for one image only, and ends with it: what a decoder does with bytes
of a stranger cannot reach this one, and its memory is given back whole.
"""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from typing import Final

import structlog

from blytz.kit.problems import Overloaded
from blytz.kit.telemetry.metrics import Metrics
from blytz.show.images.model import Encoded, Size
from blytz.show.images.service import ImageInvalid

ENCODE_S: Final = 30.0
"""The longest that one image may take."""

log = structlog.get_logger()


class PillowEncoder:
    def __init__(self, metrics: Metrics) -> None:
        self._failed = metrics.counter(
            "blytz_image_workers_failed", "Image workers that did not start, crashed or took too long"
        )

    async def encode(self, data: bytes) -> list[Encoded]:
        try:
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "blytz.show.images.worker", stdin=PIPE, stdout=PIPE, stderr=DEVNULL
            )
        except OSError as error:
            self._failed.add()
            log.warning("image_worker_failed", why=repr(error))
            raise Overloaded from error
        try:
            async with asyncio.timeout(ENCODE_S):
                output, _ = await worker.communicate(data)
        except TimeoutError:
            self._failed.add()
            log.warning("image_worker_failed", why=f"not done within {ENCODE_S:g} s")
            raise ImageInvalid("it takes too long to decode") from None
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
        if worker.returncode:
            self._failed.add()
            log.warning("image_worker_failed", why=f"it ended with exit code {worker.returncode}")
            raise ImageInvalid("it cannot be decoded")
        return _read(output)


def _read(output: bytes) -> list[Encoded]:
    head, _, content = output.partition(b"\n")
    answer = json.loads(head)
    if "fault" in answer:
        raise ImageInvalid(answer["fault"])
    encoded, at = [], 0
    for width, height, length in answer["sizes"]:
        encoded.append(Encoded(Size(width, height), content[at : at + length]))
        at += length
    return encoded
