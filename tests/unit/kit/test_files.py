"""A file is complete at any moment."""

import resource
import stat
from pathlib import Path

import pytest

from blytz.kit.files import write_file


def test_a_failed_write_leaves_the_old_content_and_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.conf"
    write_file(path, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_file(path, "new and longer")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_for_its_owner_only(tmp_path: Path) -> None:
    write_file(tmp_path / "key", b"secret", 0o600)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_without_replace_the_first_writer_wins(tmp_path: Path) -> None:
    for content in ("first", "second"):
        write_file(tmp_path / "key", content, replace=False)
    assert (tmp_path / "key").read_text() == "first"
    assert list(tmp_path.iterdir()) == [tmp_path / "key"]
