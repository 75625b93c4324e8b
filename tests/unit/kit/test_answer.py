"""Answers for callers and callbacks."""

import asyncio

import pytest

from blytz.kit.answer import Answer


async def test_an_answer_can_be_awaited_before_and_after_it_arrives() -> None:
    later: Answer[int] = Answer()
    waiting = asyncio.ensure_future(later)
    await asyncio.sleep(0)
    assert not waiting.done()
    later.give(7)
    assert await waiting == 7
    assert await Answer.of(8) == 8


async def test_a_failure_is_raised_to_the_caller() -> None:
    failed: Answer[int] = Answer()
    failed.fail(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await failed
    with pytest.raises(ValueError, match="no"):
        failed.result()


def test_only_the_first_result_counts() -> None:
    answer: Answer[int] = Answer()
    reply: list[int] = []
    answer.then(lambda it: reply.append(it.result()))
    answer.give(1)
    answer.give(2)
    answer.fail(ValueError())
    assert (reply, answer.result(), answer.exception()) == ([1], 1, None)


def test_a_callback_added_after_the_answer_is_called_at_once() -> None:
    reply: list[str] = []
    Answer.of("here").then(lambda it: reply.append(it.result()))
    assert reply == ["here"]


def test_an_answer_may_arrive_after_its_caller_stopped_waiting() -> None:
    async def give_up() -> Answer[int]:
        answer: Answer[int] = Answer()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answer, 0.001)
        answer.give(3)
        return answer

    assert asyncio.run(give_up()).result() == 3
