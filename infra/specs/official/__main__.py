"""`python -m infra.specs.official`: validates the AsyncAPI document against the official schema of its version.

The schema is published with npm only. It is installed once into `.cache` from the lock beside this file (7 MB,
about a second). Without npm, or without a registry, the check is skipped with one line that says why.
"""

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

from infra.specs import documents

HERE: Final = Path(__file__).parent
CACHE: Final = documents.ROOT / ".cache"
INSTALLED_WITHIN_S: Final = 60
_NPM_CI: Final = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


class Skipped(Exception):
    """The official schema cannot be had; the message says why."""


def folder() -> Path:
    """Each lock has a folder of its own, so that no folder mixes two versions."""
    lock = (HERE / "package-lock.json").read_bytes()
    return CACHE / f"asyncapi-{hashlib.sha256(lock).hexdigest()[:12]}"


def installed() -> Path:
    """The folder with the installed schema. Raises `Skipped`."""
    home = folder()
    if (home / "done").exists():
        return home
    if not shutil.which("npm"):
        raise Skipped("npm is not on this machine")
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "asyncapi.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "done").exists():
            _install(home)
    return home


def _install(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, home)
    try:
        ended = subprocess.run(
            _NPM_CI, cwd=home, capture_output=True, text=True, timeout=INSTALLED_WITHIN_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Skipped(f"npm did not end within {INSTALLED_WITHIN_S} s") from None
    if ended.returncode:
        raise Skipped(f"npm could not install it: {ended.stderr.strip()[-300:]}")
    (home / "done").touch()


def schema_of(version: str) -> Any:
    """The schema of the version that a document names in `asyncapi`. Raises `Skipped`."""
    path = installed() / "node_modules/@asyncapi/specs/schemas" / f"{version}.json"
    return json.loads(path.read_text())


def faults(document: dict[str, Any], schema: Any) -> Iterator[str]:
    for error in jsonschema_rs.Draft7Validator(schema).iter_errors(document):
        place = "".join(f" / {part}" for part in error.instance_path)
        yield f"{documents.ASYNCAPI}{place}: {error.message[:300]}"


def main() -> int:
    document = documents.from_code()[documents.ASYNCAPI]
    try:
        found = list(faults(document, schema_of(document["asyncapi"])))
    except Skipped as reason:
        print(f"   AsyncAPI's official schema: skipped, {reason}")
        return 0
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
