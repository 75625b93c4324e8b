"""What the environment may say, and that everything wrong with it is said at once, without a secret."""

import subprocess
from pathlib import Path

import pytest

from blytz.kit.settings import SettingsFault, read_settings
from tests.support.platform import blytz, clean_env

GOOD = "n0-Body.Guesses-this-0ne"


def faults(**environ: str) -> list[str]:
    with pytest.raises(SettingsFault) as caught:
        read_settings(environ)
    return str(caught.value).split("\n")


def test_nothing_set_is_a_production_on_this_machine() -> None:
    settings = read_settings({})
    assert settings.env == "production"
    assert settings.origins == ()


def test_each_kind_of_value_is_read() -> None:
    settings = read_settings(
        {
            "BLYTZ_ORIGINS": "https://a.example, https://b.example:8443,",
            "BLYTZ_DATA": "/srv/blytz",
            "BLYTZ_REPLICAS": "2",
            "BLYTZ_LOG_DECISIONS": "0.25",
            "BLYTZ_LOG_REQUESTS": "false",
        }
    )
    assert settings.origins == ("https://a.example", "https://b.example:8443")
    assert settings.data == Path("/srv/blytz")
    assert (settings.replicas, settings.log_decisions, settings.log_requests) == (2, 0.25, False)


def test_a_file_holds_the_value(tmp_path: Path) -> None:
    file = tmp_path / "redis"
    file.write_text(f"rediss://blytz:{GOOD}@redis.example:6379/0\n")
    assert read_settings({"REDIS_URL_FILE": str(file)}).redis_url == file.read_text().strip()


def test_a_file_and_a_value_are_one_too_many(tmp_path: Path) -> None:
    assert faults(REDIS_URL_FILE=str(tmp_path), REDIS_URL="unix:///a") == [
        "REDIS_URL and REDIS_URL_FILE are both set; keep one"
    ]


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 70_000], ids=["missing", "no text", "too long"])
def test_a_file_that_cannot_be_read_is_named_and_not_quoted(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "secret"
    if content:
        file.write_bytes(content)
    [line] = faults(REDIS_URL_FILE=str(file))
    assert line.startswith(f"REDIS_URL_FILE='{file}': ")
    assert "xxx" not in line


def test_all_that_is_wrong_is_said_at_once() -> None:
    lines = faults(
        BLYTZ_REPLICAS="-",
        BLYTZ_LIVE_PORT="70000",
        BLYTZ_ORIGINS="https://*.shop.example, shop.example, null",
        REDIS_URL="redis://blytz:secret@redis.example:6379",
    )
    assert [line.split(":")[0].split("=")[0].split(" ")[0] for line in lines] == [
        "BLYTZ_LIVE_PORT",
        "BLYTZ_REPLICAS",
        "BLYTZ_ORIGINS",
        "REDIS_URL",
        "REDIS_URL",
        "BLYTZ_ORIGINS",
        "BLYTZ_ORIGINS",
    ]
    assert not any("blytz:secret" in line for line in lines)


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{GOOD}@redis.example:6379",
        f"redis://:{GOOD}@10.0.0.7:6379",
        f"redis://:{GOOD}@127.0.0.1.example.com",
        "rediss://redis.example",
        "rediss://blytz:short@redis.example",
        "rediss://blytz:aaaaaaaaaaaaaaaaaaaaaa@redis.example",
        "redis://blytz:changeme@127.0.0.1",
        "unix://blytz:Password123@/run/redis.sock",
    ],
)
def test_production_refuses_a_redis_that_others_can_read_or_enter(url: str) -> None:
    lines = faults(REDIS_URL=url)
    assert all(line.startswith("REDIS_URL") for line in lines)
    assert read_settings({"REDIS_URL": url, "BLYTZ_ENV": "dev"}).redis_url == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "redis://[::1]:6379",
        "redis://localhost",
        "unix:///run/redis.sock",
        f"unix://blytz:{GOOD}@/run/redis.sock",
        f"rediss://blytz:{GOOD}@redis.example:6380/0",
    ],
)
def test_production_takes_a_redis_of_this_machine_or_behind_tls(url: str) -> None:
    assert read_settings({"REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize("url", ["http://a", "redis://a:b", "redis://a:99999", "unix://", "redis://a:0"])
def test_what_is_no_address_of_a_redis(url: str) -> None:
    assert faults(REDIS_URL=url, BLYTZ_ENV="dev")[0].startswith("REDIS_URL")


@pytest.mark.parametrize("service", ["auction", "live", "hammer"])
def test_a_service_says_all_its_faults_and_ends(service: str) -> None:
    env = clean_env(BLYTZ_ORIGINS="*", REDIS_URL="redis://redis.example", BLYTZ_HEARTBEAT_MS="soon")
    ended = subprocess.run(
        blytz("serve", service), env=env, capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 1
    first, *lines = ended.stderr.splitlines()
    assert first == "blytz: the settings cannot be used:"
    assert [line.split()[0].rstrip(":").split("=")[0] for line in lines] == [
        "BLYTZ_HEARTBEAT_MS",
        "REDIS_URL",
        "REDIS_URL",
        "BLYTZ_ORIGINS",
    ]
