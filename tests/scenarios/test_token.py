"""`blytz token` prints a token and nothing else, and only on a dev platform."""

import subprocess
from pathlib import Path

import pytest

from blytz.identity.dev import DevIssuer
from tests.support.platform import Platform, blytz, clean_env


def token(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        blytz("token", *words), env=clean_env(**env), capture_output=True, text=True, timeout=20, check=False
    )


def test_the_command_prints_the_token_and_nothing_else(platform: Platform) -> None:
    ended = token("Anna", "--data", str(platform.data))
    assert (ended.returncode, ended.stderr, ended.stdout.count("\n")) == (0, "", 1)
    principal = DevIssuer(platform.data).verify(ended.stdout.strip())
    assert (principal.name, principal.roles) == ("Anna", ("bidder",))


def test_the_token_has_the_requested_roles(platform: Platform) -> None:
    ended = token("Anna", "--role", "seller", "--role", "admin", "--data", str(platform.data))
    assert DevIssuer(platform.data).verify(ended.stdout.strip()).roles == ("seller", "admin")


def test_the_folder_may_come_from_the_environment(platform: Platform) -> None:
    assert token("Anna", BLYTZ_DATA=str(platform.data)).returncode == 0


@pytest.mark.parametrize("env", ["production", "test", ""])
def test_outside_dev_no_token_is_issued(platform: Platform, env: str) -> None:
    ended = token("Anna", "--data", str(platform.data), BLYTZ_ENV=env)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert f"BLYTZ_ENV={env}" in ended.stderr


def test_without_a_dev_platform_no_key_is_created(tmp_path: Path) -> None:
    ended = token("Anna", "--data", str(tmp_path))
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    assert "start one with `blytz up`" in ended.stderr
    assert not list(tmp_path.iterdir())


def test_with_the_dev_environment_set_the_key_is_created(tmp_path: Path) -> None:
    ended = token("Anna", "--data", str(tmp_path), BLYTZ_ENV="dev")
    assert DevIssuer(tmp_path).verify(ended.stdout.strip()).name == "Anna"


def test_an_empty_name_is_refused(platform: Platform) -> None:
    ended = token(" ", "--data", str(platform.data))
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)


def test_a_command_loads_only_the_modules_it_needs() -> None:
    script = (
        "import contextlib, sys; from blytz.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['token', '--help'])\n"
        "heavy = {'litestar', 'rich', 'picows', 'uvicorn', 'uvloop', 'redis'}\n"
        "print(*(heavy & set(sys.modules)), file=sys.stderr)"
    )
    ended = subprocess.run(
        [blytz()[0], "-c", script], env=clean_env(), capture_output=True, text=True, timeout=20, check=True
    )
    assert ended.stderr.strip() == ""
