"""`blytz up` refuses what it cannot do before anything runs, with one line and exit code 1."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.ports import free_port
from tests.support.platform import Platform, blytz, clean_env, free_ports


def refusal(*words: str, **env: str) -> str:
    """The one line that `blytz up` ends with."""
    ended = subprocess.run(
        blytz("up", *words),
        env=clean_env(**free_ports() | env),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1, ended
    assert ended.stdout == ""
    assert ended.stderr.startswith("blytz: ")
    assert ended.stderr.count("\n") == 1
    return ended.stderr.strip()


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_in_use_is_refused(tmp_path: Path, busy_port: int) -> None:
    line = refusal("--port", str(busy_port), "--data", str(tmp_path), BLYTZ_HAMMER_PORT=str(free_port()))
    assert f"port {busy_port} on 127.0.0.1 is in use by another program; choose another with --port" in line
    assert not (tmp_path / "redis" / "appendonlydir").exists()


def test_a_service_port_in_use_is_refused(tmp_path: Path, busy_port: int) -> None:
    line = refusal("--port", str(free_port()), "--data", str(tmp_path), BLYTZ_LIVE_PORT=str(busy_port))
    assert f"port {busy_port} on 127.0.0.1 is in use" in line
    assert "BLYTZ_LIVE_PORT" in line


def test_one_port_for_two_services_is_refused(tmp_path: Path) -> None:
    port = str(free_port())
    assert "is both --port and BLYTZ_AUCTION_PORT" in refusal(
        "--port", port, "--data", str(tmp_path), BLYTZ_AUCTION_PORT=port
    )


def test_an_invalid_port_is_refused(tmp_path: Path) -> None:
    line = refusal("--data", str(tmp_path), BLYTZ_LIVE_PORT="x")
    assert "BLYTZ_LIVE_PORT='x': must be a whole number from 1 to 65535" in line


def test_an_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    line = refusal("--host", "203.0.113.7", "--port", str(free_port()), "--data", str(tmp_path))
    assert "cannot listen on 203.0.113.7" in line


def test_a_host_name_in_place_of_an_address_is_refused(tmp_path: Path) -> None:
    line = refusal("--host", "no.such.name.invalid", "--port", str(free_port()), "--data", str(tmp_path))
    assert "cannot listen on no.such.name.invalid" in line


@pytest.mark.parametrize("folder", ["/proc/blytz", "/dev/null/blytz"])
def test_a_folder_that_cannot_be_written_is_refused(folder: str) -> None:
    line = refusal("--port", str(free_port()), "--data", folder)
    assert f"cannot write to the data folder {folder}" in line
    assert "--data" in line


def test_a_folder_whose_name_is_too_long_is_refused(tmp_path: Path) -> None:
    assert "cannot write to the data folder" in refusal("--data", str(tmp_path / ("x" * 300)))


def test_a_folder_that_another_platform_uses_is_refused(platform: Platform) -> None:
    line = refusal("--port", str(free_port()), "--data", str(platform.data))
    assert f"is in use by another `blytz up` (pid {platform.pids['blytz']})" in line
    assert platform.get("/health")[0] == 200


def test_an_environment_other_than_dev_is_refused(tmp_path: Path) -> None:
    assert "BLYTZ_ENV='production'" in refusal("--data", str(tmp_path), BLYTZ_ENV="production")


def test_an_invalid_setting_is_refused(tmp_path: Path) -> None:
    assert "BLYTZ_SEND_QUEUE_BYTES='many'" in refusal("--data", str(tmp_path), BLYTZ_SEND_QUEUE_BYTES="many")


def test_the_faults_of_all_processes_are_reported_together(tmp_path: Path) -> None:
    wrong = {
        "BLYTZ_TRUSTED_PROXIES": "nonsense",
        "BLYTZ_HEARTBEAT_MS_FILE": "/",
        "BLYTZ_GATEWAY_WORKERS": "none",
        "BLYTZ_ENV_FILE": "/none",
        "REDIS_URL_FILE": "/none",
    }
    ended = subprocess.run(
        blytz("up", "--data", str(tmp_path)), env=clean_env(**wrong), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    first, *lines = ended.stderr.splitlines()
    assert first == "blytz: the settings cannot be used:"
    assert sorted(line.strip().split("=")[0] for line in lines) == sorted(wrong)
    assert not (tmp_path / "redis").exists()


def test_a_machine_without_redis_is_refused(tmp_path: Path) -> None:
    line = refusal("--port", str(free_port()), "--data", str(tmp_path / "data"), PATH=str(tmp_path))
    assert "redis-server is not installed; run `make setup`" in line


def test_a_redis_url_without_a_server_is_refused(tmp_path: Path) -> None:
    port = free_port()
    url = f"redis://anna:secret@127.0.0.1:{port}/0"
    line = refusal("--port", str(free_port()), "--data", str(tmp_path), REDIS_URL=url)
    assert f"no Redis answers at 127.0.0.1:{port}" in line
    assert "secret" not in line


def test_a_service_that_fails_at_once_stops_everything(tmp_path: Path) -> None:
    """Detected only when it runs; then everything is stopped."""
    (tmp_path / "dev-key.pem").write_text("torn")
    ended = subprocess.run(
        blytz("up", "--port", str(free_port()), "--data", str(tmp_path)),
        env=clean_env(**free_ports()),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert "it starts again in 0.4 s" in ended.stdout
    assert "ends each time before it is ready" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_an_invalid_redis_url_is_refused(tmp_path: Path) -> None:
    line = refusal("--port", str(free_port()), "--data", str(tmp_path), REDIS_URL="http://127.0.0.1")
    assert "REDIS_URL must begin with" in line


def test_video_without_a_livekit_server_is_refused(tmp_path: Path) -> None:
    line = refusal("--video", "--port", str(free_port()), "--data", str(tmp_path), PATH="/nowhere")
    assert "no livekit-server is on the PATH or in" in line


def test_video_beside_a_livekit_that_is_configured_is_refused(tmp_path: Path) -> None:
    video = {"LIVEKIT_URL": "ws://127.0.0.1:1", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"}
    line = refusal("--video", "--port", str(free_port()), "--data", str(tmp_path), **video)
    assert "LIVEKIT_URL is set" in line


def test_a_bucket_whose_images_nobody_would_see_is_refused(tmp_path: Path) -> None:
    key = {"BLYTZ_IMAGES_KEY_ID": "key", "BLYTZ_IMAGES_SECRET_KEY": "secret"}
    line = refusal("--data", str(tmp_path), BLYTZ_IMAGES_BUCKET="pictures", **key)
    assert "BLYTZ_IMAGES_BUCKET is set without BLYTZ_GATEWAY_IMAGES_URL: nobody would see its images" in line
