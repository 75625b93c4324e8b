"""How `make test` divides the tests among its workers."""

import os
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
TWICE = """
def pytest_collection_modifyitems(items: list) -> None:
    items += items
"""
OTHERS = """
import pytest


@pytest.mark.parametrize("number", range(20))
def test_waits(number: int) -> None:
    pass
"""


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = alone: measures time\n")
    options = ("-v", "-n", "2", "--dist", "loadgroup", "-p", "tests.support.workers", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "xdist", *options, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_measures_time_runs_after_all_others(tmp_path: Path) -> None:
    (tmp_path / "test_a_timed.py").write_text(TIMED)
    (tmp_path / "test_others.py").write_text(OTHERS)
    done = run(tmp_path)
    ended = [line for line in done.stdout.splitlines() if " PASSED " in line]
    assert len(ended) == 22, done.stdout
    assert "test_measures_time" in ended[-1]
    assert not any("test_measures_time" in line for line in ended[:-1])


def test_no_test_is_lost_because_another_has_its_id(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(TWICE)
    (tmp_path / "test_others.py").write_text(OTHERS)
    done = run(tmp_path)
    assert done.returncode != 0
    assert "two tests have the id" in done.stdout + done.stderr
