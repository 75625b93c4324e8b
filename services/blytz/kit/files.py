"""Files that are whole at any moment, whatever goes wrong while they are written (a full disk, a kill)."""

import contextlib
import os
import secrets
from pathlib import Path


def write_file(path: Path, content: str | bytes, mode: int = 0o644, *, replace: bool = True) -> None:
    """Write beside `path`, sync, then rename: readers see the old content or the new one, never a part. `mode` is
    cut by the umask. Without `replace` a file that is there already stays, and of several writers the first wins.
    Raises OSError with nothing changed."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.rename(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
