"""The AsyncAPI document is valid by the schema that AsyncAPI itself publishes, where npm can install it."""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.specs import documents
from infra.specs.official import __main__ as official

Document = dict[str, Any]
LIVE = documents.from_code()[documents.ASYNCAPI]
FAULTS: dict[str, Callable[[Document], object]] = {
    "another version": lambda it: it.update(asyncapi="9.9.9"),
    "no version": lambda it: it["info"].pop("version"),
    "an unknown field": lambda it: it["channels"]["live"].update(more=1),
    "an unknown action": lambda it: it["operations"]["receiveBid"].update(action="ask"),
    "an unknown type": lambda it: it["components"]["schemas"]["Ping"].update(type="thing"),
    "a payload that is not a schema": lambda it: it["components"]["messages"]["bid"].update(payload=3),
    "an unknown method of a binding": lambda it: it["channels"]["live"]["bindings"]["ws"].update(method="PUT"),
}


@pytest.fixture(scope="module")
def schema() -> Any:
    if not (official.folder() / "done").exists():
        pytest.skip("AsyncAPI's official schema is not in .cache: `make check` installs it where npm is")
    return official.schema_of(LIVE["asyncapi"])


def test_the_document_is_valid_by_the_official_schema(schema: Any) -> None:
    assert list(official.faults(LIVE, schema)) == []


@pytest.mark.parametrize("name", FAULTS)
def test_the_official_schema_finds_each_fault(schema: Any, name: str) -> None:
    broken = copy.deepcopy(LIVE)
    FAULTS[name](broken)
    assert list(official.faults(broken, schema)) != []


def test_without_npm_the_check_is_skipped_with_a_message(tmp_path: Path) -> None:
    program = "from pathlib import Path; from infra.specs.official import __main__ as m; "
    program += f"m.CACHE = Path({str(tmp_path)!r}); raise SystemExit(m.main())"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PATH": str(tmp_path)},
        cwd=documents.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "AsyncAPI's official schema: skipped, npm is not on this machine"


def test_the_lock_file_has_no_registry_address() -> None:
    lock = json.loads((official.HERE / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
