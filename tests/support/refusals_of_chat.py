"""The part of `refusals.py` that is about chat and its moderation."""

from typing import Final

import redis

from blytz.show.redis.keys import keys_of
from tests.support.example_runner import LONG_MS, ExampleRunner
from tests.support.examples_around_shows import make
from tests.support.operations import Ask, Operation


def _said_by_another(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation)
    make(runner, operation.id, runner.person("bidder"), ask.body, ask.parts)
    return ask


def _blocked_by_seller(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation)
    if operation.id == "followSeller":
        seller = runner.person("seller")
        make(runner, "blockUser", seller, None, {"user_id": runner.user_id(ask.token)})
        return ask.but(parts={"user_id": runner.user_id(seller)})
    # The state of the show comes with its first message.
    make(runner, operation.id, runner.person("bidder"), {"message_id": "m-0", "text": "Hello"}, ask.parts)
    with redis.Redis.from_url(runner.platform.redis_url) as store:
        store.sadd(keys_of(ask.parts["show_id"]).blocked, runner.user_id(ask.token))
    return ask


def _muted(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation)
    parts = ask.parts | {"user_id": runner.user_id(ask.token)}
    make(runner, "muteUser", runner.person("moderator"), {"for_ms": LONG_MS}, parts)
    return ask


def _slow(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation)
    make(runner, "changeShow", runner.person("admin"), {"settings": {"slow_mode_ms": 60_000}}, ask.parts)
    make(runner, operation.id, ask.token, {"message_id": "m-0", "text": "Hello"}, ask.parts)
    return ask


def _not_on(runner: ExampleRunner, operation: Operation) -> Ask:
    seller = runner.person("seller")
    return runner.good(operation).but(parts={"show_id": runner.show(seller)})


def draft(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation)
    made = make(runner, "createShow", ask.token, {"title": "A draft"}, {}).json()
    return ask.but(parts=ask.parts | {"show_id": made["show_id"]})


def many_muted(runner: ExampleRunner, operation: Operation) -> Ask:
    ask = runner.good(operation)
    make(runner, operation.id, ask.token, {}, ask.parts | {"user_id": "usr_0"})
    with redis.Redis.from_url(runner.platform.redis_url) as store:
        others = {f"usr_{number}": "0" for number in range(10_000)}
        store.hset(keys_of(ask.parts["show_id"]).mutes, mapping=others)
    return ask


WAYS_OF_CHAT: Final = {
    "not_live": _not_on,
    "text_refused": lambda runner, operation: runner.good(operation).but(
        body={**({"message_id": "m-1"} if operation.id == "sayInShow" else {}), "text": " "}
    ),
    "message_id_reused": _said_by_another,
    "blocked": _blocked_by_seller,
    "muted": _muted,
    "slow_mode": _slow,
}
