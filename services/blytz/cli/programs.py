"""Programs of the system that the platform cannot run without."""

import os
import shutil

from blytz.cli.fault import CliFault

# Debian keeps nginx where an ordinary user's PATH does not look.
ALSO_IN = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/bin")


def program(name: str) -> str:
    """Its full path. Raises CliFault."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *ALSO_IN)))
    if found is None:
        raise CliFault(
            f"{name} is not installed; run `make setup`, or install it with your system's package manager"
        )
    return found
