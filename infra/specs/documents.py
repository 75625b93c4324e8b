"""The documents of `specs/`, from the code, and as they stand on disk. The same code gives the same bytes."""

import json
from pathlib import Path
from typing import Any

import yaml

from blytz.apps import auction
from infra.specs import asyncapi

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "specs"
RELEASED = SPECS / "released"
ASYNCAPI = "asyncapi.yaml"
HEAD = "# Made from the code by `make specs`; do not edit.\n"

# The same answer, ten times sooner, wherever PyYAML was built with it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Document = dict[str, Any]
Documents = dict[str, Document]
"""By path under `specs/`."""


class _Plain(yaml.SafeDumper):
    """Without anchors: what is said twice stands there twice, so that a reader need not jump."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's
        return True


def from_code() -> Documents:
    """The service of each process that speaks to clients, as it documents itself."""
    made = {"openapi/auction.yaml": auction.openapi(), ASYNCAPI: asyncapi.document()}
    # Through JSON, so that enums and tuples are what a client would read.
    return {path: json.loads(json.dumps(document)) for path, document in made.items()}


def text_of(document: Document) -> str:
    return HEAD + yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)


def on_disk(folder: Path) -> Documents:
    return {
        path.relative_to(folder).as_posix(): yaml.load(path.read_text(), _LOADER)  # noqa: S506 - both are safe
        for path in sorted([*folder.glob("openapi/*.yaml"), *folder.glob(ASYNCAPI)])
    }


def last_released() -> tuple[str, Documents] | None:
    """The version and its documents; None before the first release."""
    versions = sorted((path.name for path in RELEASED.glob("*.*.*")), key=parts_of)
    return (versions[-1], on_disk(RELEASED / versions[-1])) if versions else None


def parts_of(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def write(documents: Documents, folder: Path) -> None:
    for path, document in documents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text_of(document))
