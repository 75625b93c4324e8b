"""The benchmark calls the Lua scripts by itself, so a change of their arguments must reach it too."""

import os
import shutil

import pytest

from bench.rounds import Plan
from bench.without_peer import engine


@pytest.mark.skipif(
    (os.cpu_count() or 1) < 2 or not (shutil.which("taskset") and shutil.which("redis-benchmark")),
    reason="the bench pins its processes to two cores",
)
def test_every_bid_of_the_engine_scenario_is_accepted_on_both_sides(capsys: pytest.CaptureFixture[str]) -> None:
    [row] = engine(Plan(rounds=1, engine_bids=200), None)
    assert row.ours
    assert row.theirs
    assert "other outcomes" not in capsys.readouterr().err
