"""The configuration templates of infra/, filled in for one platform."""

import re
from collections.abc import Mapping
from pathlib import Path

import blytz
from blytz.kit.user_error import UserError

_PLACE = re.compile(r"@([A-Z0-9_]+)@")


def infra() -> Path:
    """In a wheel it is inside the package; in a checkout, where `make setup` installs from, at the root."""
    package = Path(blytz.__file__).parent
    for folder in (package / "infra", package.parents[1] / "infra"):
        if (folder / "nginx" / "nginx.conf").is_file():
            return folder
    raise UserError(f"the templates of nginx and Redis are missing: no infra/ folder in {package.parents[1]}")


def specs() -> Path:
    """The contracts: `openapi/` and `asyncapi.yaml`. Beside infra/ in a wheel and in a checkout."""
    return infra().parent / "specs"


def fill(name: str, values: Mapping[str, str]) -> str:
    """Raises KeyError for a placeholder without a value."""
    return _PLACE.sub(lambda place: values[place[1]], (infra() / name).read_text())
