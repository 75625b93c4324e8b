"""The pipe to Redis without failures."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from blytz.kit.answer import Answer
from blytz.kit.problems import Overloaded, Problem, StoreUnavailable
from blytz.kit.redis.pipe import RedisError, RedisPipe, Script
from tests.conftest import StartRedis
from tests.support.pipes import connected
from tests.support.redis import RedisServer

ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


async def reads_of(pipe: RedisPipe) -> int:
    """How often Redis has read from sockets so far, including this call."""
    stats: bytes = await pipe.call("INFO", "stats")
    return next(int(line[22:]) for line in stats.splitlines() if line.startswith(b"total_reads_processed:"))


async def test_commands_of_one_turn_of_the_loop_are_sent_in_one_write(start_redis: StartRedis) -> None:
    async with connected(start_redis().url, no_timeout=True) as pipe:
        before = await reads_of(pipe)
        assert await asyncio.gather(*(pipe.call("ECHO", number) for number in range(100))) == [
            str(number).encode() for number in range(100)
        ]
        assert await reads_of(pipe) - before == 1 + 1
        before = await reads_of(pipe)
        for number in range(10):
            await pipe.call("ECHO", number)
        assert await reads_of(pipe) - before == 10 + 1


async def test_a_pipe_at_its_limit_refuses_without_sending(redis: RedisServer) -> None:
    async with connected(redis.url, max_in_flight=3, no_timeout=True) as pipe:
        taken = [pipe.call("INCR", "count") for _ in range(3)]
        with pytest.raises(Overloaded):
            pipe.call("INCR", "count")
        with pytest.raises(Overloaded):
            pipe.run(ADD, ("count",), (1,))
        assert await asyncio.gather(*taken) == [1, 2, 3]
        assert await pipe.call("INCR", "count") == 4
        assert pipe.in_flight == 0


async def test_a_reply_goes_to_its_caller_through_their_decoder(redis: RedisServer) -> None:
    async with connected(redis.url, no_timeout=True) as pipe:
        plain, number, wrong = (
            pipe.call("ECHO", "7"),
            pipe.call("ECHO", "8", convert=int),
            pipe.call("ECHO", "x", convert=int),
        )
        assert (await plain, await number) == (b"7", 8)
        with pytest.raises(ValueError, match="invalid literal"):
            await wrong
        assert await pipe.call("PING") == b"PONG"


async def test_an_error_of_one_command_does_not_affect_others(redis: RedisServer) -> None:
    async with connected(redis.url, no_timeout=True) as pipe:
        fine, wrong, after = pipe.call("SET", "key", "x"), pipe.call("LPUSH", "key", "y"), pipe.call("GET", "key")
        with pytest.raises(RedisError, match="WRONGTYPE"):
            await wrong
        assert (await fine, await after) == (b"OK", b"x")


async def test_a_caller_that_stops_waiting_does_not_affect_others(redis: RedisServer) -> None:
    async with connected(redis.url, no_timeout=True) as pipe:
        gone, here = asyncio.ensure_future(pipe.call("ECHO", "1")), pipe.call("ECHO", "2")
        await asyncio.sleep(0)
        gone.cancel()
        assert await here == b"2"
        assert gone.cancelled()


async def test_a_failing_callback_does_not_lose_the_answers_of_others(redis: RedisServer) -> None:
    def fail(_: object) -> None:
        raise ValueError("not my day")

    async with connected(redis.url, no_timeout=True) as pipe:
        with capture_logs() as lines:
            first, second = pipe.call("ECHO", "1"), pipe.call("ECHO", "2")
            first.then(fail)
            assert await second == b"2"
        assert first.result() == b"1"
        assert [line["event"] for line in lines] == ["answer_not_taken"]
        assert pipe.times_connected == 1


async def test_a_callback_may_send_another_command(redis: RedisServer) -> None:
    async with connected(redis.url, no_timeout=True) as pipe:
        last = asyncio.get_running_loop().create_future()

        def reply(answer: Answer[Any]) -> None:
            if answer.result() < 5:
                pipe.call("INCR", "n").then(reply)
            else:
                last.set_result(answer.result())

        pipe.call("INCR", "n").then(reply)
        assert await asyncio.wait_for(last, 5) == 5


async def test_a_script_missing_in_redis_is_sent_in_full_and_runs_once(redis: RedisServer) -> None:
    async with connected(redis.url, no_timeout=True) as pipe:
        for total in (5, 10):
            await pipe.call("SCRIPT", "FLUSH")
            assert await pipe.run(ADD, ("count",), (5,)) == total
        many = await asyncio.gather(*(pipe.run(ADD, ("count",), (1,)) for _ in range(10)))
        assert sorted(many) == list(range(11, 21))
        await pipe.call("SCRIPT", "FLUSH")
        many = await asyncio.gather(*(pipe.run(ADD, ("count",), (1,)) for _ in range(10)))
        assert sorted(many) == list(range(21, 31))


async def test_a_failing_script_raises_the_error_chosen_by_its_caller(redis: RedisServer) -> None:
    failing = Script("error({err = 'BROKEN ' .. KEYS[1]})")
    async with connected(redis.url, no_timeout=True) as pipe:
        with pytest.raises(RedisError, match="BROKEN key"):
            await pipe.run(failing, ("key",), ())
        with pytest.raises(KeyError, match="BROKEN key"):
            await pipe.run(failing, ("key",), (), fault=KeyError)


@pytest.mark.parametrize(
    ("setting", "problem"),
    [(("maxmemory", "1"), Overloaded), (("min-replicas-to-write", "1"), StoreUnavailable)],
)
async def test_an_unavailable_redis_is_not_reported_as_a_fault_of_the_script(
    redis: RedisServer, setting: tuple[str, str], problem: type[Problem]
) -> None:
    name, value = setting
    async with connected(redis.url, no_timeout=True) as pipe:
        redis.ask("CONFIG", "SET", name, value)
        try:
            for asked in (pipe.run(ADD, ("count",), (1,), fault=KeyError), pipe.call("SET", "count", 1)):
                with pytest.raises(problem):
                    await asked
        finally:
            redis.ask("CONFIG", "SET", name, "0")
        assert await pipe.run(ADD, ("count",), (1,)) == 1


async def test_a_pipe_that_is_not_connected_or_is_closed_refuses_at_once(redis: RedisServer) -> None:
    pipe = RedisPipe(redis.url, "test")
    with pytest.raises(StoreUnavailable):
        pipe.call("PING")
    await pipe.start(timeout_s=5)
    owed = pipe.call("PING")
    await pipe.close()
    with pytest.raises(StoreUnavailable):
        await owed
    with pytest.raises(StoreUnavailable):
        pipe.call("PING")


async def test_a_pipe_sets_its_client_name_in_redis(redis: RedisServer) -> None:
    async with connected(redis.url, no_timeout=True) as pipe:
        assert await pipe.call("CLIENT", "GETNAME") == b"blytz-test"
