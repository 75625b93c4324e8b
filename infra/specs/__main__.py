"""`python -m infra.specs write|check`: writes the files of `specs/` that are made from the code, or compares
the two."""

import difflib
import sys
from collections.abc import Iterator

from infra.specs import documents
from infra.specs.lint import findings


def check(made: documents.Documents) -> Iterator[str]:
    """One sentence for each difference from the files in `specs/`, and for each broken rule."""
    yield from _drift(documents.texts(made))
    for path, document in made.items():
        yield from (f"{path}: {finding}" for finding in findings(document))


def _drift(texts: dict[str, str]) -> Iterator[str]:
    for path, text in texts.items():
        kept = documents.SPECS / path
        old = kept.read_text().splitlines() if kept.exists() else []
        changes = list(difflib.unified_diff(old, text.splitlines(), f"specs/{path}", "the code", lineterm="", n=1))
        if changes:
            yield f"specs/{path} differs from the code: run `make specs`\n" + "\n".join(changes[:40])
    for file in documents.SPECS.glob("openapi/*.yaml"):
        if (name := file.relative_to(documents.SPECS).as_posix()) not in texts:
            yield f"specs/{name} does not come from the code: remove it"


def main(verb: str) -> int:
    match verb:
        case "write":
            for path, text in documents.texts(documents.from_code()).items():
                target = documents.SPECS / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
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
