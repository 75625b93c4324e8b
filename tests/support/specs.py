"""The documents in `specs/`, each read once."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

SPECS: Final = Path(__file__).parents[2] / "specs"


@lru_cache(maxsize=8)
def document(name: str) -> Any:
    """By its path in `specs/`. Nobody changes what this returns."""
    # In C where that is installed: reading the largest one in Python takes seconds.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((SPECS / name).read_bytes(), loader)  # noqa: S506 - a safe loader
