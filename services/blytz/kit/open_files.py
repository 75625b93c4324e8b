"""How many files and sockets a process of the platform may have open."""

import contextlib
import resource

WANTED = 65_536


def raise_open_files() -> int:
    """Raise the limit as far as allowed, for this process and those that it starts. Returns the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = WANTED * 4 if hard == resource.RLIM_INFINITY else hard
    # Root may go past its own hard limit.
    for limit in ((WANTED, max(hard, WANTED)), (hard, hard)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit[0]), limit[1]))
            break
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
