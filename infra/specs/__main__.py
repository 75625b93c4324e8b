"""`python -m infra.specs write|check|release`: the contracts of `specs/`, made from the code, held against it."""

import difflib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import blytz
from infra.specs import documents
from infra.specs.compatibility import breaks, may_break
from infra.specs.lint import findings


def check(made: documents.Documents, version: str) -> Iterator[str]:
    """One sentence for each thing that is wrong with these documents of this version."""
    with tempfile.TemporaryDirectory() as folder:
        documents.write(made, Path(folder))
        yield from _drift(Path(folder), made)
    for path, document in made.items():
        yield from (f"{path}: {finding}" for finding in findings(document))
    released = documents.last_released()
    if released and not may_break(released[0], version):
        for path, document in released[1].items():
            yield from (
                f"{path}: {broken}; clients of {released[0]} rely on it, so this needs a new version"
                for broken in breaks(document, made.get(path, {}))
            )


def _drift(fresh: Path, made: documents.Documents) -> Iterator[str]:
    for path in made:
        kept = documents.SPECS / path
        old = kept.read_text().splitlines() if kept.exists() else []
        new = (fresh / path).read_text().splitlines()
        changes = list(difflib.unified_diff(old, new, f"specs/{path}", "the code", lineterm="", n=1))
        if changes:
            yield f"specs/{path} is not what the code says: run `make specs`\n" + "\n".join(changes[:40])
    for path in documents.on_disk(documents.SPECS):
        if path not in made:
            yield f"specs/{path} is made by nothing: remove it"


def main(verb: str) -> int:
    match verb:
        case "write":
            documents.write(documents.from_code(), documents.SPECS)
        case "release":
            documents.write(documents.from_code(), documents.RELEASED / blytz.__version__)
        case "check":
            found = list(check(documents.from_code(), blytz.__version__))
            print("\n".join(found), end="\n" if found else "")
            return 1 if found else 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else ""))
