"""Programs of the system that the platform cannot run without."""

import os
import shutil

from blytz.kit.user_error import UserError

# Debian keeps nginx where an ordinary user's PATH does not look.
ALSO_IN = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/bin")


def program(name: str) -> str:
    """Its full path. Raises UserError."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *ALSO_IN)))
    if found is None:
        raise UserError(
            f"{name} is not installed; run `make setup`, or install it with your system's package manager"
        )
    return found
