"""`blytz serve` outside dev: with an issuer it serves, without one or with an emulator it refuses to start."""

import subprocess

import pytest

from tests.support.platform import blytz, clean_env


def refusal(**env: str) -> str:
    ended = subprocess.run(
        blytz("serve", "auction"), env=clean_env(**env), capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1, ended
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_production_refuses_the_emulator_whatever_else_is_set() -> None:
    emulator = {"FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:9099"}
    assert "FIREBASE_AUTH_EMULATOR_HOST" in refusal(BLYTZ_FIREBASE_PROJECT="shop", **emulator)
    assert "FIREBASE_AUTH_EMULATOR_HOST" in refusal(BLYTZ_ENV="production", **emulator)


@pytest.mark.parametrize("env", ["production", "test"])
def test_where_nobody_could_sign_in_nothing_starts(env: str) -> None:
    assert "BLYTZ_OIDC_ISSUERS" in refusal(BLYTZ_ENV=env)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("BLYTZ_OIDC_ISSUERS", "https://login.example.com"),
        ("BLYTZ_OIDC_ISSUERS", "=shop"),
        ("BLYTZ_OIDC_ISSUERS", "http://127.0.0.1:9/=shop"),
        ("BLYTZ_FIREBASE_PROJECT", "my shop"),
        ("BLYTZ_FIREBASE_KEYS_URL", "http://127.0.0.1:9/keys"),
    ],
)
def test_an_issuer_that_cannot_be_trusted_is_refused(setting: str, value: str) -> None:
    assert setting in refusal(**{"BLYTZ_FIREBASE_PROJECT": "shop", setting: value})
