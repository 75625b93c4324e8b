"""The files of `specs/` that are made from the code. The same code gives the same bytes."""

import json
from pathlib import Path
from typing import Any

import yaml

from blytz.apps import auction
from infra.specs import asyncapi, settings

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "specs"
ASYNCAPI = "asyncapi.yaml"
HEAD = "# Made from the code by `make specs`; do not edit.\n"

Document = dict[str, Any]
Documents = dict[str, Document]
"""By path under `specs/`."""


class _Plain(yaml.SafeDumper):
    """Without anchors: a repeated part is written out each time, so that a reader need not jump."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's
        return True


def from_code() -> Documents:
    """The OpenAPI of each HTTP service and the AsyncAPI of the live gateway."""
    made = {"openapi/auction.yaml": auction.openapi(), ASYNCAPI: asyncapi.document()}
    # Through JSON, so that enums and tuples are what a client would read.
    return {path: json.loads(json.dumps(document)) for path, document in made.items()}


def texts(documents: Documents) -> dict[str, str]:
    """The content of each file, these documents and the table of the settings, by path under `specs/`."""
    return {path: _yaml(document) for path, document in documents.items()} | {"settings.md": settings.table()}


def _yaml(document: Document) -> str:
    return HEAD + yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
