"""The clock of a server, as estimated by another process."""

import asyncio
from time import monotonic

from blytz.kit.clock import ClockReading, ServerClock

SLOW_S = 0.2


class Server:
    """A server whose clock can be set and whose answers can be slow."""

    def __init__(self) -> None:
        self.ahead_ms = 5_000_000
        self.answers_after_s = 0.0

    def now(self) -> int:
        return int(monotonic() * 1000) + self.ahead_ms

    async def read(self) -> ClockReading:
        reading = ClockReading(self.now(), 0, is_current=True)
        await asyncio.sleep(self.answers_after_s)
        return reading


async def test_a_slow_answer_does_not_move_the_clock() -> None:
    """Half the round trip as an error would make hammers close 120 ms late after a stall of Redis."""
    server = Server()
    clock = ServerClock(server.read)
    await clock.sync()
    server.answers_after_s = SLOW_S
    await clock.sync()
    assert abs(clock.now() - server.now()) <= SLOW_S * 1000 / 10


async def test_a_small_correction_of_the_servers_clock_is_followed() -> None:
    server = Server()
    clock = ServerClock(server.read)
    await clock.sync()
    for by_ms in (400, -800):
        server.ahead_ms += by_ms
        await clock.sync()
        assert abs(clock.now() - server.now()) <= abs(by_ms) / 10
