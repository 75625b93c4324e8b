"""A background task that fails is logged, counted and restarted; here each kind of task fails once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import structlog.testing

from blytz.kit.clock import ClockReading, ServerClock
from blytz.kit.config.model import Settings
from blytz.kit.redis.pipe import RedisPipe
from blytz.kit.tasks import MAX_PAUSE_S, RECOVERED_AFTER_S, TaskSupervisor
from blytz.kit.telemetry.metrics import Metrics
from blytz.live.context import GatewayContext
from blytz.live.server import Gateway
from blytz.live.topics.hub import Hub
from infra.ports import free_port
from tests.support.redis import RedisServer
from tests.support.virtual_loop import VirtualLoop
from tests.support.wait import until

UNUSED = cast("Any", None)


class Fault(Exception):
    pass


class Task:
    """Fails the first `times`, then runs until it is cancelled."""

    def __init__(self, times: int, fault: BaseException | None) -> None:
        self.times, self.fault, self.started = times, fault, 0

    async def run(self) -> None:
        self.started += 1
        if self.started > self.times:
            await asyncio.Event().wait()
        if self.fault:
            raise self.fault


@pytest.mark.parametrize(
    "fault", [Fault("why"), asyncio.CancelledError(), None], ids=["raises", "cancelled", "ends"]
)
def test_a_task_that_stops_is_logged_counted_and_restarted_until_it_runs(fault: BaseException | None) -> None:
    loop, metrics, task = VirtualLoop(), Metrics(), Task(20, fault)

    async def twenty_failures() -> None:
        tasks = TaskSupervisor(metrics)
        with structlog.testing.capture_logs() as logs:
            tasks.start("probe", task.run)
            await asyncio.sleep(0)
            assert tasks.failing() == ["probe"]
            await asyncio.sleep(20 * MAX_PAUSE_S)
        assert task.started == 21
        assert [entry["task"] for entry in logs] == ["probe"] * 20
        assert {entry["log_level"] for entry in logs} == {"error"}
        await asyncio.sleep(RECOVERED_AFTER_S)
        assert tasks.failing() == []
        await tasks.stop()

    loop.run_until_complete(twenty_failures())
    loop.close()
    assert b'blytz_task_restarts_total{task="probe"} 20.0' in metrics.render()


def test_a_task_that_always_fails_is_restarted_ever_more_slowly() -> None:
    loop, task = VirtualLoop(), Task(10**9, Fault())

    async def an_hour() -> None:
        tasks = TaskSupervisor(Metrics())
        tasks.start("probe", task.run)
        await asyncio.sleep(3_600)
        assert tasks.failing() == ["probe"]
        await tasks.stop()

    with structlog.testing.capture_logs():
        loop.run_until_complete(an_hour())
    loop.close()
    # Full jitter: half of the longest pause on average.
    assert 0.8 * 3_600 < task.started * MAX_PAUSE_S / 2 < 1.3 * 3_600


def test_a_task_that_is_stopped_stays_stopped() -> None:
    async def stopped() -> int:
        tasks, task = TaskSupervisor(Metrics()), Task(0, None)
        running = tasks.start("probe", task.run)
        await asyncio.sleep(0)
        running.cancel()
        await tasks.stop()
        return task.started

    with structlog.testing.capture_logs() as logs:
        assert asyncio.run(stopped()) == 1
    assert logs == []


class FailsOnce:
    """Replaces a function that a task calls: raises at the first call, and counts calls."""

    def __init__(self, result: object = None) -> None:
        self.result, self.calls = result, 0

    def __call__(self, *_: object) -> Any:
        self.calls += 1
        if self.calls == 1:
            raise Fault
        return self.result

    async def awaited(self) -> Any:
        return self()


async def until_it_runs_again(called: FailsOnce, times: int = 2) -> None:
    with structlog.testing.capture_logs() as logs:
        await until(lambda: called.calls >= times, "it is called again")
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["task_failed"]


@pytest.fixture
async def tasks() -> AsyncIterator[TaskSupervisor]:
    supervisor = TaskSupervisor(Metrics())
    yield supervisor
    await supervisor.stop()


async def test_clock_synchronisation_resumes_after_a_fault(tasks: TaskSupervisor) -> None:
    ask = FailsOnce(ClockReading(1_000_000, 0, is_current=True))
    clock = ServerClock(ask.awaited)
    tasks.start("clock", clock.follow)
    await until_it_runs_again(ask)
    assert tasks.failing() == ["clock"]
    assert 1_000_000 <= clock.now() < 1_060_000


async def test_a_connection_to_redis_is_reopened_after_a_fault_in_its_task(
    tasks: TaskSupervisor, redis: RedisServer
) -> None:
    on_up = FailsOnce()

    class FaultyPipe(RedisPipe):
        def on_up(self) -> None:
            on_up()

    pipe = FaultyPipe(redis.url, "probe")
    await pipe.start(tasks)
    await until_it_runs_again(on_up)
    assert tasks.failing() == ["redis_probe"]
    assert await pipe.call("PING") == b"PONG"
    assert len(redis.ask("CLIENT", "LIST").split(b"name=blytz-probe")) == 2, "the first connection was closed"
    await pipe.close()


async def test_a_connection_is_reopened_after_a_fault_while_its_loss_is_handled(
    tasks: TaskSupervisor, redis: RedisServer
) -> None:
    class FaultyPipe(RedisPipe):
        on_down = FailsOnce()

    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    pipe = FaultyPipe(redis.url, "probe")
    await pipe.start(tasks, timeout_s=5)
    pipe.drop()
    await until(lambda: pipe.times_connected == 2, "it is connected again")
    await pipe.close()


class Connection:
    """A client that has been silent for so long that each heartbeat pings it."""

    def __init__(self, received_at: int = -2) -> None:
        self.received_at, self.ping, self.queued = received_at, FailsOnce(), FailsOnce(0)

    @property
    def queued_bytes(self) -> int:
        return cast("int", self.queued())

    def cut(self) -> None:
        """Called once it has been silent for two heartbeats."""

    def send(self, _: bytes) -> None:
        """Called when the store becomes unavailable."""


@pytest.mark.parametrize("name", ["heartbeat", "viewers", "store", "queues"])
async def test_each_task_of_the_gateway_continues_after_a_fault(name: str, tasks: TaskSupervisor) -> None:
    ping, send_viewers, store_is_up = Connection(), FailsOnce(), FailsOnce(True)
    faulty = {"heartbeat": ping.ping, "viewers": send_viewers, "store": store_is_up, "queues": ping.queued}
    for other in faulty.keys() - {name}:
        faulty[other].calls = 1

    class FaultyHub(Hub):
        def send_viewers(self) -> None:
            send_viewers()

        async def check_dataset(self) -> None:
            await asyncio.Event().wait()

    settings, metrics = Settings(env="dev", live_port=free_port(), heartbeat_ms=200), Metrics()
    clock = ServerClock(UNUSED)
    context = GatewayContext(settings, UNUSED, UNUSED, clock, FaultyHub(UNUSED, clock, metrics), metrics)
    context.connections.add(cast("Any", ping))
    gateway = Gateway(context, {}, UNUSED, store_is_up)
    await gateway.start(tasks)
    await until_it_runs_again(faulty[name])
    assert tasks.failing() == [name]
    context.connections.clear()
    await gateway.drain()
