"""Mutation tests of the scripts. Each mutant breaks one promise, and the generated games (auction_player.py), in
which the unchanged scripts agree with the memory store, must find it. `pytest -v` lists the mutants."""

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
    """The number of games until the stores differ; None if they never do."""
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
    assert mutation.applied, "the text that the mutant replaces is no longer in the scripts"
    assert games is not None, "no game found the mutant"


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
