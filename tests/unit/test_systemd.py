"""The units of infra/systemd are valid and start programs that exist."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from blytz.cli.commands.serve import Service

ROOT = Path(__file__).parents[2]
SERVICES = get_args(Service)
UNITS = sorted((ROOT / "infra" / "systemd").iterdir())
COMMAND = re.compile(r"^Exec\w+=/opt/blytz/(\S+)", re.MULTILINE)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_systemd_unit_runs_programs_of_this_checkout(unit: Path) -> None:
    for program in COMMAND.findall(unit.read_text()):
        assert program == ".venv/bin/blytz" or (ROOT / program).stat().st_mode & 0o111, program


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this machine")
def test_systemd_analyze_finds_no_fault(tmp_path: Path) -> None:
    """With the paths of this checkout, and programs that are on every machine."""
    for unit in UNITS:
        here = unit.read_text().replace("/opt/blytz/.venv/bin/blytz", "/bin/true").replace("/opt/blytz", str(ROOT))
        for name in [unit.name.replace("@", f"@{app}") for app in SERVICES] if "@" in unit.name else [unit.name]:
            (tmp_path / name).write_text(here.replace("/usr/bin/redis-server", "/bin/true"))
    words = ("systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir())))
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
