"""The tests with a certificate authority run separately: `make test-tls`."""

import shutil

import pytest

NEEDED = ("pebble", "pebble-challtestsrv", "certbot")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    for item in items:
        if missing and item.get_closest_marker("tls"):
            item.add_marker(pytest.mark.skip(reason=f"not installed on this machine: {', '.join(missing)}"))
