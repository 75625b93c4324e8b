"""`python -m infra.specs write|check`: writes the contracts of `specs/` from the code, or compares the two."""

import difflib
import sys
from collections.abc import Iterator

from infra.specs import documents
from infra.specs.lint import findings


def check(made: documents.Documents) -> Iterator[str]:
    """One sentence for each difference from the files in `specs/`, and for each broken rule."""
    yield from _drift(made)
    for path, document in made.items():
        yield from (f"{path}: {finding}" for finding in findings(document))


def _drift(made: documents.Documents) -> Iterator[str]:
    for path, document in made.items():
        kept = documents.SPECS / path
        old = kept.read_text().splitlines() if kept.exists() else []
        new = documents.text_of(document).splitlines()
        changes = list(difflib.unified_diff(old, new, f"specs/{path}", "the code", lineterm="", n=1))
        if changes:
            yield f"specs/{path} differs from the code: run `make specs`\n" + "\n".join(changes[:40])
    for file in documents.SPECS.glob("openapi/*.yaml"):
        if (name := file.relative_to(documents.SPECS).as_posix()) not in made:
            yield f"specs/{name} does not come from the code: remove it"


def main(verb: str) -> int:
    match verb:
        case "write":
            documents.write(documents.from_code())
        case "check":
            found = list(check(documents.from_code()))
            print("\n".join(found), end="\n" if found else "")
            return 1 if found else 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else ""))
