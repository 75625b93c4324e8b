"""The gateway logs its own faults, and not those of clients."""

import logging
from collections.abc import AsyncIterator
from typing import Any, NoReturn, cast

import pytest

from blytz.kit.clock import ServerClock
from blytz.kit.config.model import Settings
from blytz.kit.tasks import TaskSupervisor
from blytz.kit.telemetry.metrics import Metrics
from blytz.live.context import GatewayContext
from blytz.live.server import Gateway
from blytz.live.topics.hub import Hub
from blytz.live.topics.watch_request import WatchRequest
from infra.ports import free_port
from tests.support.live_client import Client, frame

NOBODY = cast("Any", None)


class FaultyHub(Hub):
    def watch(self, name: str, request: WatchRequest) -> NoReturn:
        raise ValueError(f"a fault of ours, found by {name}")


async def nobody_counts(_auction: str, _gateway: str, _count: int) -> None:
    """Replaces the viewer count in Redis."""


@pytest.fixture
async def port() -> AsyncIterator[int]:
    settings, metrics = Settings(env="dev", live_port=free_port()), Metrics()
    clock = ServerClock(NOBODY)
    context = GatewayContext(settings, NOBODY, NOBODY, clock, FaultyHub(NOBODY, clock, metrics), metrics)
    gateway = Gateway(context, {}, nobody_counts, lambda: True)
    tasks = TaskSupervisor(metrics)
    await gateway.start(tasks)
    yield settings.live_port
    await gateway.drain()
    await tasks.stop()


async def test_a_fault_while_a_message_is_handled_is_logged(port: int, caplog: pytest.LogCaptureFixture) -> None:
    client = await Client.open(port)
    client.send({"type": "watch", "topic": "auction:auc_1"})
    _, code = await client.rest()
    client.leave()
    assert code == 1011
    [record] = [record for record in caplog.records if record.name.startswith("picows")]
    assert record.levelno == logging.ERROR
    assert "a fault of ours, found by auction:auc_1" in str(record.exc_info)


async def test_a_protocol_error_of_a_client_is_not_logged(port: int, caplog: pytest.LogCaptureFixture) -> None:
    for wrong in (frame(b"{}", masked=False), frame(b"{}", 0x3), frame(b" " * 65_537)):
        client = await Client.open(port)
        client.writer.write(wrong)
        assert (await client.rest())[1] in {1002, 1009}
        client.leave()
    assert [record for record in caplog.records if record.name.startswith("picows")] == []
