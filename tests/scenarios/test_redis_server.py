"""The ground the other tests stand on: a Redis that can be ended, frozen and brought back."""

import pytest

from tests.conftest import StartRedis
from tests.support.redis import Refusal


def test_what_was_answered_is_there_after_a_kill(start_redis: StartRedis) -> None:
    server = start_redis()
    server.ask("SET", "key", "value")
    server.kill()
    server.restart()
    assert server.ask("GET", "key") == b"value"


def test_a_frozen_server_is_silent_until_it_thaws(start_redis: StartRedis) -> None:
    server = start_redis()
    server.freeze()
    with pytest.raises(TimeoutError):
        server.ask("PING", timeout_s=0.05)
    server.thaw()
    assert server.ask("PING") == b"PONG"


def test_a_guarded_server_turns_a_stranger_away(start_redis: StartRedis) -> None:
    server = start_redis(password="secret")
    assert server.ask("PING") == b"PONG"
    server.password = ""
    with pytest.raises(Refusal, match="NOAUTH"):
        server.ask("PING")


def test_a_server_that_cannot_start_says_why(start_redis: StartRedis) -> None:
    with pytest.raises(RuntimeError, match="redis-server ended"):
        start_redis(config={"appendfsync": "perhaps"})
