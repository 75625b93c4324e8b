"""Would the tests see a broken script? Each mutant breaks one promise, and the games that the scripts as they are
play without a difference must find it. The names are the list; `pytest -v` shows it."""

import pytest

from blytz.auction.model import Code
from blytz.kit.problems import Problem
from blytz.kit.redis.pipe import RedisError
from tests.support.auction_player import GAMES, play
from tests.support.mutants import MUTANTS, Mutation
from tests.support.pipes import connected
from tests.support.redis import RedisServer
from tests.support.store_pair import Difference, Pair


async def games_until_caught(redis: RedisServer, mutation: Mutation) -> int | None:
    """How many games it took; None when the mutant survived them all."""
    async with connected(redis.url, no_timeout=True) as pipe:
        pair = Pair(pipe, mutation)
        for game in range(GAMES):
            try:
                await play(pair, game)
            except (Difference, Problem, RedisError):
                return game + 1
    return None


@pytest.mark.parametrize("promise", MUTANTS)
async def test_the_tests_find_each_mutant(redis: RedisServer, promise: str) -> None:
    mutation = Mutation(*MUTANTS[promise])
    games = await games_until_caught(redis, mutation)
    assert mutation.applied, "the mutant is no mutant: its text is not in the scripts any more"
    assert games is not None, "survived"


async def test_the_unchanged_scripts_differ_in_no_game_and_every_answer_occurs(redis: RedisServer) -> None:
    async with connected(redis.url, no_timeout=True) as pipe:
        pair = Pair(pipe)
        for game in range(GAMES):
            await play(pair, game)
    kinds = {"opened", "bid", "ceiling_raised", "paused", "resumed", "extended_by_seller"}
    endings = {"sold", "unsold", "cancelled"}
    answers = {"accepted", "outbid", "replayed", "NotYet", "Closed", "Auction"}
    codes = {code.value for code in Code} - {Code.AUCTION_NOT_FOUND.value}
    assert pair.seen == kinds | endings | answers | codes
