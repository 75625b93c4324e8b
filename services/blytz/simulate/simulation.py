"""A crowd of bidders and viewers against a running platform, for `blytz simulate` and for tests."""

import asyncio
import contextlib
import gc
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from picows import WSError

from blytz.client.http import HttpClient
from blytz.client.live import LiveClient
from blytz.client.writes import BidResult
from blytz.kit.open_files import raise_open_files
from blytz.kit.user_error import UserError
from blytz.simulate.latency import Latency
from blytz.simulate.load_bidders import Chooser, Due
from blytz.simulate.plan import Plan, Result, addresses, check
from blytz.simulate.viewers import MAX_SENT, Crowd, Viewer

MAX_CONNECTING: Final = 32
CONNECTS_A_S: Final = 500
CONNECT_WITHIN_S: Final = 60.0
CATCH_UP_S: Final = 5.0
MAX_UNANSWERED_PER_BIDDER: Final = 20
FOR_LOAD: Final = ("overloaded", "rate_limited")
LOAD_CLOSES: Final = (4408, 4429)
TERMS: Final = {"start_price": 100, "increments": [[0, 100]], "extension_window_ms": 1_000, "extension_ms": 1_000}


@dataclass
class Progress:
    """What can be shown while it runs."""

    phase: Literal["connecting", "bidding", "finishing"] = "connecting"
    connected: int = 0
    elapsed_s: float = 0.0
    sent: int = 0
    price: int = 0
    currency: str = "USD"
    viewers: int = 0
    gaps: int = 0


class Simulation:
    """Use once: `await Simulation(plan).run()`. Raises `UserError`, `ApiFault` and `Unreachable`."""

    def __init__(self, plan: Plan, on_progress: Callable[[Progress], None] | None = None) -> None:
        self._plan = plan
        self._http = HttpClient(plan.url)
        self._random = random.Random(plan.seed)
        self._on_progress = on_progress or (lambda _: None)
        self._outcomes: Counter[str] = Counter()
        self._ack = Latency()
        self._bidders: list[LiveClient] = []
        self._asking: set[asyncio.Task[None]] = set()
        self._stays: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._unsent = self._replayed = self._first_seq = self._behind = 0
        self._cpu_share = 0.0
        self._fault: BaseException | None = None
        self.progress = Progress()

    def stop(self) -> None:
        """End early; what was measured so far is the result."""
        self._stop.set()

    async def run(self) -> Result:
        check(self._plan, raise_open_files())
        async with contextlib.AsyncExitStack() as stack:
            auction_id = await self._auction()
            await self._let_bidders_in(stack)
            self._director = self._bidders[0]
            self._topic = self._director.watch(auction_id)
            self._chooser = Chooser(self._bidders, self._plan.manners, self._random)
            self._crowd = Crowd(self._http.live_url, self._topic.name, self._director.clock)
            stack.callback(self._disconnect_all)
            try:
                await self._let_viewers_in()
                # The objects of the crowd live until the end; without this the collector would pause to visit
                # them.
                gc.collect()
                gc.freeze()
                await self._bid()
            finally:
                gc.unfreeze()
                if self._plan.auction is None:
                    await self._http.act(auction_id, "close")
            await self._wait_for_the_end()
            return self._result()

    async def _auction(self) -> str:
        if self._plan.auction:
            return str((await self._http.auction(self._plan.auction))["auction_id"])
        self._http.token = await self._http.sign_in("Simulation", "seller")
        length_s = CONNECT_WITHIN_S + self._plan.seconds + CATCH_UP_S
        terms = {**TERMS, "duration_ms": int(length_s * 1000)}
        return str((await self._http.create("Simulated auction", terms))["auction_id"])

    async def _let_bidders_in(self, stack: contextlib.AsyncExitStack) -> None:
        async def enter(number: int) -> None:
            token = await self._http.sign_in(f"Bidder {number:03}", "bidder")
            client = await stack.enter_async_context(LiveClient(self._http.live_url, token))
            self._bidders.append(client)
            try:
                await client.until_live(CONNECT_WITHIN_S)
            except (TimeoutError, ConnectionError) as error:
                raise UserError(f"bidders cannot connect to {self._http.live_url}: {error}") from error

        await _smoothly([partial(enter, number) for number in range(1, self._plan.bidders + 1)])

    async def _let_viewers_in(self) -> None:
        sources = addresses(self._plan)
        faults: Counter[str] = Counter()

        async def enter() -> None:
            viewer = Viewer(self._crowd, next(sources))
            try:
                transport = await viewer.connect()
            except (OSError, WSError, TimeoutError) as error:
                faults[str(error) or type(error).__name__] += 1
                return
            self._stays.append(asyncio.create_task(viewer.stay(transport)))
            self.progress.connected += 1

        show = asyncio.create_task(self._keep_showing())
        try:
            await _smoothly([enter] * self._plan.viewers)
            deadline = time.monotonic() + CONNECT_WITHIN_S
            while not faults and time.monotonic() < deadline:
                if self._crowd.watching == self._plan.viewers and self._topic.state is not None:
                    return
                await asyncio.sleep(0.02)
        finally:
            show.cancel()
        missing = self._plan.viewers - self._crowd.watching
        why = faults.most_common(1)[0][0] if faults else "no answer to their watch"
        raise UserError(f"{missing} of {self._plan.viewers} viewers could not watch {self._topic.name}: {why}")

    async def _bid(self) -> None:
        """Open loop: a bid that is due is sent, however long the answers to others take."""
        self.progress.phase = "bidding"
        self._first_seq = self._topic.seq
        began, cpu_began, due = time.monotonic(), time.process_time(), time.monotonic()
        show = asyncio.create_task(self._keep_showing())
        try:
            while (elapsed := time.monotonic() - began) < self._plan.seconds and not self._is_over():
                self.progress.elapsed_s = elapsed
                while due <= time.monotonic():
                    due += self._random.uniform(0.5, 1.5) / self._plan.rate
                    self._send_one()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, due - time.monotonic())):
                        await self._stop.wait()
        finally:
            show.cancel()
        self.progress.elapsed_s = time.monotonic() - began
        self._cpu_share = (time.process_time() - cpu_began) / max(self.progress.elapsed_s, 1e-9)
        self.progress.phase = "finishing"
        if self._asking:
            await asyncio.wait(self._asking, timeout=CATCH_UP_S)
        if isinstance(self._fault, ConnectionError):
            raise UserError(f"a bidder was shut out: {self._fault}")
        if self._fault:
            raise self._fault

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._topic.is_final

    def _send_one(self) -> None:
        if len(self._asking) >= MAX_UNANSWERED_PER_BIDDER * len(self._bidders):
            self._unsent += 1
            return
        assert self._topic.state is not None
        task = asyncio.create_task(self._place(self._chooser.next(self._topic.state)))
        self._asking.add(task)
        task.add_done_callback(self._answered)
        self.progress.sent += 1

    def _answered(self, task: "asyncio.Task[None]") -> None:
        self._asking.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._fault = self._fault or error
            self.stop()

    async def _place(self, due: Due[LiveClient]) -> None:
        sent_at = time.monotonic()
        result = await due.bidder.place_bid(self._topic.subject_id, due.amount, due.kind, bid_id=due.bid_id)
        self._ack.add(time.monotonic() - sent_at)
        self._count(result, sent_at)

    def _count(self, result: BidResult, sent_at: float) -> None:
        refused = result.outcome == "refused"
        self._outcomes[f"refused: {result.code}" if refused else result.outcome] += 1
        self._replayed += result.replayed
        if not refused and not result.replayed and result.seq and len(self._crowd.sent_at) < MAX_SENT:
            self._crowd.sent_at[result.seq] = sent_at

    async def _wait_for_the_end(self) -> None:
        deadline = time.monotonic() + CATCH_UP_S
        wanted = (await self._http.get(f"/auction/v1/auctions/{self._topic.subject_id}"))["seq"]
        while behind := self._crowd.behind(wanted):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.02)
        self._behind = behind
        self._crowd.finish()

    def _disconnect_all(self) -> None:
        for stay in self._stays:
            stay.cancel()
        for viewer in self._crowd.viewers:
            viewer.leave()

    async def _keep_showing(self) -> None:
        while True:
            if state := self._topic.state:
                self.progress.price, self.progress.currency = state["price"], state["terms"]["currency"]
            self.progress.viewers, self.progress.gaps = self._crowd.watching, self._crowd.gaps
            self._on_progress(self.progress)
            await asyncio.sleep(0.2)

    def _result(self) -> Result:
        crowd, gaps = self._crowd, self._crowd.gaps + self._topic.gaps
        for_load = sum(self._outcomes[f"refused: {code}"] for code in FOR_LOAD)
        for_load += sum(crowd.closes[code] for code in LOAD_CLOSES)
        return Result(
            ok=gaps == 0 and self._behind == 0,
            auction_id=self._topic.subject_id,
            seconds=round(self.progress.elapsed_s, 3),
            bidders=len(self._bidders),
            viewers=len(crowd.viewers),
            sent=self.progress.sent,
            unsent=self._unsent,
            outcomes=dict(self._outcomes.most_common()),
            replayed=self._replayed,
            events=self._topic.seq - self._first_seq,
            deliveries=crowd.deliveries,
            ack=self._ack.percentiles(),
            fan_out=crowd.fan_out.percentiles(),
            bid_to_view=crowd.bid_to_view.percentiles(),
            gaps=gaps,
            behind=self._behind,
            reconnects=crowd.reconnects + sum(bidder.reconnects for bidder in self._bidders),
            refused_for_load=for_load,
            errors=dict(crowd.errors),
            cpu_share=round(self._cpu_share, 3),
        )


async def _smoothly(jobs: list[Callable[[], Awaitable[Any]]]) -> None:
    """Start them at an even pace, few at once; the first that fails ends all."""
    gate = asyncio.Semaphore(MAX_CONNECTING)

    async def one(job: Callable[[], Awaitable[Any]]) -> None:
        async with gate:
            await job()

    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(one(job))
                await asyncio.sleep(1 / CONNECTS_A_S)
    except ExceptionGroup as faults:
        raise faults.exceptions[0] from None
