"""The Redis of tests can be killed, frozen and restarted; the Redis of `blytz up` has a memory limit."""

from pathlib import Path

import pytest

from blytz.cli.up import redis_server
from blytz.cli.up.redis_server import machine_memory
from tests.conftest import StartRedis
from tests.support.redis import Refusal


def test_acknowledged_writes_survive_a_kill(start_redis: StartRedis) -> None:
    server = start_redis()
    server.ask("SET", "key", "value")
    server.kill()
    server.restart()
    assert server.ask("GET", "key") == b"value"


def test_a_frozen_server_does_not_answer_until_it_is_thawed(start_redis: StartRedis) -> None:
    server = start_redis()
    server.freeze()
    with pytest.raises(TimeoutError):
        server.ask("PING", timeout_s=0.05)
    server.thaw()
    assert server.ask("PING") == b"PONG"


def test_a_server_with_a_password_refuses_a_client_without_it(start_redis: StartRedis) -> None:
    server = start_redis(password="secret")
    assert server.ask("PING") == b"PONG"
    server.password = ""
    with pytest.raises(Refusal, match="NOAUTH"):
        server.ask("PING")


def test_a_server_that_cannot_start_says_why(start_redis: StartRedis) -> None:
    with pytest.raises(RuntimeError, match="redis-server ended"):
        start_redis(config={"appendfsync": "perhaps"})


@pytest.mark.parametrize(("limit", "is_smaller"), [("1048576\n", True), ("max\n", False), (None, False)])
def test_the_memory_of_a_container_counts_where_it_is_smaller(
    limit: str | None, is_smaller: bool, tmp_path: Path
) -> None:
    file = tmp_path / "memory.max"
    if limit is not None:
        file.write_text(limit)
    assert (machine_memory(file) == 1_048_576) == is_smaller


def test_the_memory_of_redis_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    server = redis_server.RedisServer(tmp_path, tmp_path / "redis.sock", maxmemory_mib=64)
    _, path = server.prepare()
    assert f"maxmemory {64 * 2**20}\n" in Path(path).read_text()
