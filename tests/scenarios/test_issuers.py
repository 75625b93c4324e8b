"""`blytz serve` outside dev: with an issuer it serves, without one or with an emulator it refuses to start."""

import subprocess

import pytest

from blytz.kit.config.fields import SettingsFault
from blytz.kit.config.load import read_settings
from tests.support.platform import blytz, clean_env

REDIS = {"REDIS_URL": "redis://:correct-horse-battery-7@127.0.0.1:6379/0"}
EMULATOR = {"FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:9099"}


def refusal(**env: str) -> str:
    ended = subprocess.run(
        blytz("serve", "auction"), env=clean_env(**env), capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1, ended
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_a_production_service_does_not_start_with_the_firebase_emulator() -> None:
    assert "FIREBASE_AUTH_EMULATOR_HOST" in refusal(BLYTZ_FIREBASE_PROJECT="shop", **EMULATOR)


def test_no_service_starts_without_an_issuer() -> None:
    assert "BLYTZ_OIDC_ISSUERS" in refusal(BLYTZ_ENV="test")


@pytest.mark.parametrize(
    "env", [{}, {"BLYTZ_ENV": "production"}, {"BLYTZ_OIDC_ISSUERS": "https://a.example=shop"}]
)
def test_production_refuses_the_emulator_whatever_else_is_set(env: dict[str, str]) -> None:
    with pytest.raises(SettingsFault, match="FIREBASE_AUTH_EMULATOR_HOST"):
        read_settings(REDIS | EMULATOR | env)
    assert read_settings(REDIS | env).firebase_auth_emulator_host == ""


@pytest.mark.parametrize("env", ["dev", "test"])
def test_outside_production_the_emulator_can_be_configured(env: str) -> None:
    assert read_settings(EMULATOR | {"BLYTZ_ENV": env}).firebase_auth_emulator_host == "127.0.0.1:9099"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("BLYTZ_OIDC_ISSUERS", "https://login.example.com"),
        ("BLYTZ_OIDC_ISSUERS", "=shop"),
        ("BLYTZ_OIDC_ISSUERS", "http://127.0.0.1:9/=shop"),
        ("BLYTZ_OIDC_ISSUERS", "https://good.example=shop,ftp://login.example.com=shop"),
        ("BLYTZ_FIREBASE_PROJECT", "my shop"),
        ("BLYTZ_FIREBASE_KEYS_URL", "http://127.0.0.1:9/keys"),
        ("BLYTZ_ROLES_CLAIM", ""),
    ],
)
def test_an_issuer_that_cannot_be_trusted_is_refused(setting: str, value: str) -> None:
    good = REDIS | {"BLYTZ_FIREBASE_PROJECT": "shop"}
    read_settings(good)
    with pytest.raises(SettingsFault, match=setting):
        read_settings(good | {setting: value})
