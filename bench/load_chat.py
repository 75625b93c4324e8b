"""A show that many watch: bids on its open lot, its chat, and readers who do not read."""

import asyncio
import socket
import time
from typing import Any

import msgspec

from bench.crowd import Crowd, Watcher, crowd_of
from bench.jobs import ChatJob, Result
from bench.load_viewers import rising_bids
from bench.machine import rss_bytes
from bench.tally import Tally
from bench.wire import connect_all, messages_in

WARM_UP_S = 3.0
PACKET_BYTES = 1_400
"""As on the internet, for a reader who does not read: its messages then wait in the gateway, not in the kernel."""
TEXT = "What a glaze! Is the foot of this bowl fired as dark as the rim, and would it survive a dishwasher?"


class Guest(Watcher):
    """A watcher who bids and speaks; the results arrive between the events."""

    def __init__(self, number: int, crowd: Crowd, token: str) -> None:
        super().__init__(number, crowd)
        self._token = token
        self.sent_at: dict[str, float] = {}

    def bid(self, bid_id: str, amount: int, due_at: float) -> None:
        self.sent_at[bid_id] = due_at
        auction = self._crowd.job.auction
        bid = {"type": "bid", "auction_id": auction, "bid_id": bid_id, "amount": amount, "kind": "exact"}
        self.send_text(msgspec.json.encode({**bid, "ref": bid_id}))

    def say(self, message_id: str) -> None:
        show = self._crowd.job.show
        said = {"type": "say", "show_id": show, "message_id": message_id, "text": TEXT, "ref": message_id}
        self.send_text(msgspec.json.encode(said))

    def on_text(self, frame: bytes) -> None:
        if not self.ready.done() and b'"welcome"' in frame:
            self.send_text(msgspec.json.encode({"type": "auth", "token": self._token}))
        if not self.ready.done() or not any(word in frame for word in (b"_result", b'"error"')):
            super().on_text(frame)
            return
        messages = messages_in(frame)
        for message in messages:
            if message["type"] in {"bid_result", "say_result", "error"}:
                self._on_result(message)
        self._record(self._crowd.read(messages))

    def _on_result(self, message: dict[str, Any]) -> None:
        tally = self._crowd.tally
        sent_at = self.sent_at.pop(message.get("ref", ""), None)
        if sent_at is not None:
            tally.answered(message.get("code") or message["outcome"], time.perf_counter() - sent_at)
        elif tally.counting and message.get("outcome") != "said":
            tally.outcomes[f"chat {message.get('code')}"] += 1


class Sleeper(Watcher):
    """Reads nothing once it watches. The gateway should close it before what it is sent takes much memory."""

    async def connect(self, host: str, port: int, source: str | None = None, **kwargs: Any) -> None:  # noqa: ARG002
        async def connected(_: object) -> socket.socket:
            # The kernel keeps some packets of a connection; those of loopback hold 64 KB each.
            small = socket.socket()
            small.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, PACKET_BYTES)
            small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PACKET_BYTES)
            small.setblocking(False)
            await asyncio.get_running_loop().sock_connect(small, (host, port))
            return small

        await super().connect(host, port, socket_factory=connected, **kwargs)

    def sleep(self) -> None:
        if self.transport is not None:
            self.transport.underlying_transport.pause_reading()

    def wake(self) -> None:
        if self.transport is not None and not self.closed:
            self.transport.underlying_transport.resume_reading()


async def run_chat(job: ChatJob) -> Result:
    async with crowd_of(job) as crowd:
        tally = Tally(job.target)
        shared = Crowd(job, tally)
        guests = [Guest(number, shared, token) for number, token in enumerate(job.tokens)]
        sleepers = [Sleeper(number, shared) for number in range(job.sleepers)]
        await connect_all(client.connect("127.0.0.1", job.target.port) for client in [*guests, *sleepers])
        tasks = [asyncio.create_task(_bid(job, guests)), asyncio.create_task(_speak(job, guests))]
        await asyncio.sleep(WARM_UP_S)
        for sleeper in sleepers:
            sleeper.sleep()
        before = rss_bytes(job.target.pid)
        await crowd.begin()
        own = await tally.measure(0.0, job.seconds)
        after = rss_bytes(job.target.pid)
        result = _together(own, shared, await crowd.end())
        result.rss_before, result.rss_after = before, after
        result.closed += sum(guest.closed for guest in guests)
        for task in tasks:
            task.cancel()
        # `sent_at` holds the bids without an answer; the youngest may still be on their way.
        long_ago = time.perf_counter() - 1
        if unanswered := sum(at < long_ago for guest in guests for at in guest.sent_at.values()):
            result.other["unanswered"] = unanswered
        for sleeper in sleepers:
            sleeper.wake()
        await asyncio.sleep(1)
        result.slow_closed = sum(sleeper.closed for sleeper in sleepers)
        for client in [*guests, *sleepers]:
            client.disconnect()
    return result


def _together(own: Result, shared: Crowd, of_crowd: Result) -> Result:
    """What this process measured, and the process of those who only watch."""
    result = shared.fill_in(own)
    result.delivered += of_crowd.delivered
    result.messages += of_crowd.messages
    result.frames += of_crowd.frames
    result.gaps += of_crowd.gaps
    result.closed += of_crowd.closed
    result.fanout_ms = of_crowd.fanout_ms
    result.load_cpu_s += of_crowd.load_cpu_s
    result.others_cpu_s = max(0.0, result.others_cpu_s - of_crowd.load_cpu_s)
    return result


async def _bid(job: ChatJob, guests: list[Guest]) -> None:
    async for number, amount, due_at in rising_bids(job.rate):
        guests[number % len(guests)].bid(f"b{number}", amount, due_at)


async def _speak(job: ChatJob, guests: list[Guest]) -> None:
    if job.messages_per_s:
        async for number, _, _ in rising_bids(job.messages_per_s):
            guests[number % len(guests)].say(f"m{number}")
