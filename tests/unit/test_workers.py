"""How `make test` divides the tests among its workers."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIMED = """
import pytest


@pytest.mark.alone
def test_measures_time() -> None:
    pass


def test_measures_nothing() -> None:
    pass
"""
OTHERS = """
import pytest


@pytest.mark.parametrize("number", range(20))
def test_waits(number: int) -> None:
    pass
"""


def test_what_measures_time_runs_after_all_others(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone: measures time\n")
    (tmp_path / "test_a_timed.py").write_text(TIMED)
    (tmp_path / "test_others.py").write_text(OTHERS)
    options = ("-v", "-n", "2", "--dist", "loadgroup", "-p", "tests.support.workers", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ended = [line for line in done.stdout.splitlines() if " PASSED " in line]
    assert len(ended) == 22, done.stdout
    assert "test_measures_time" in ended[-1]
    assert not any("test_measures_time" in line for line in ended[:-1])
