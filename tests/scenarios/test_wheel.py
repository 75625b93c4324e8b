"""The platform from a wheel, which contains all files that a checkout has outside the package."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.platform import Platform

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this checkout, unpacked as an installation does."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def from_wheel(unpacked: Path) -> Iterator[Platform]:
    platform = Platform(env={"PYTHONPATH": str(unpacked)})
    yield platform
    platform.close()


def test_an_installed_package_tells_type_checkers_that_it_is_typed(unpacked: Path) -> None:
    assert (unpacked / "blytz" / "py.typed").is_file()


def test_every_service_of_an_installed_platform_runs_from_the_wheel(from_wheel: Platform, unpacked: Path) -> None:
    for path in ("/auction/v1/auctions", "/docs", "/docs/swagger-ui-bundle.js", "/docs/asyncapi-viewer.js"):
        assert httpx.get(from_wheel.url + path, follow_redirects=True).status_code == 200, path
    for name in ("openapi.yaml", "asyncapi.yaml"):
        served = from_wheel.data.glob(f"**/docs/{name}")
        assert [path.resolve().is_relative_to(unpacked.resolve()) for path in served] == [True]
