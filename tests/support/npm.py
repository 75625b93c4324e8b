"""Packages of npm for tests, installed once into `.cache` from a lock file."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

CACHE: Final = Path(__file__).parents[2] / ".cache"
INSTALLED_WITHIN_S: Final = 400


def installed(name: str, locked_in: Path) -> Path:
    """Installs what `package-lock.json` of that folder names, and returns the folder of `node_modules`. Skips the
    test without Node or a registry."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip(f"{name} needs Node and npm, which are not on this machine")
    lock = (locked_in / "package-lock.json").read_bytes()
    folder = CACHE / f"{name}-{hashlib.sha256(lock).hexdigest()[:12]}"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for file in ("package.json", "package-lock.json"):
                shutil.copy(locked_in / file, folder)
            command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
            ended = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=INSTALLED_WITHIN_S, check=False
            )
            if ended.returncode:
                pytest.skip(f"npm could not install {name}: {ended.stderr.strip()[-300:]}")
            (folder / "done").touch()
    return folder
