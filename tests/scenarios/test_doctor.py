"""`blytz doctor` finds what would cost bids, says what to do, and works for a user who may see little."""

import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blytz.cli.doctor_machine import certificate
from infra.ports import free_port
from tests.conftest import StartRedis
from tests.support.certificates import make_certificates
from tests.support.platform import blytz, clean_env
from tests.support.redis import RedisServer
from tests.support.services import Service

USER = "blytz on >n0-Body.Guesses-this ~* &* +@all -@admin -@dangerous +info +role +lastsave"
PASSWORD = "n0-Body.Guesses-this"


def ports() -> dict[str, str]:
    return {f"BLYTZ_{name}_PORT": str(free_port()) for name in ("AUCTION", "LIVE", "HAMMER")}


def examined(*words: str, **env: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the findings by their names."""
    ended = subprocess.run(
        blytz("doctor", "--json", *words),
        env=clean_env(**{**ports(), **env}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.stderr == ""
    said = json.loads(ended.stdout)
    assert said["ok"] == (ended.returncode == 0)
    return ended.returncode, {finding["name"]: finding for finding in said["findings"]}


def test_a_deployment_as_it_should_be(start_redis: StartRedis, tmp_path: Path) -> None:
    redis = start_redis(password="An.0ther-good-one", users=[USER])
    admin = ("--admin-url", redis.url)
    _, found = examined(*admin, REDIS_URL=redis.url_as("blytz", PASSWORD), BLYTZ_DATA=str(tmp_path))
    good = {name for name, finding in found.items() if finding["state"] == "ok"}
    assert good >= {
        *("Settings", "Redis", "Redis version", "Clock", "Redis rights", "Redis default user"),
        *("Redis appendonly", "Redis appendfsync", "Redis maxmemory-policy"),
    }


def test_what_the_services_user_cannot_see_is_said_to_be_unseen(start_redis: StartRedis) -> None:
    redis = start_redis(password="An.0ther-good-one", users=[USER])
    _, found = examined(REDIS_URL=redis.url_as("blytz", PASSWORD))
    assert found["Redis appendonly"]["state"] == "ok"
    assert found["Redis maxmemory-policy"]["state"] == "ok"
    for name in ("Redis appendfsync", "Redis default user"):
        assert found[name]["state"] == "warn"
        assert "cannot see" in found[name]["why"]
        assert "--admin-url" in found[name]["remedy"]


def test_a_redis_that_would_lose_bids(start_redis: StartRedis) -> None:
    bad = {"appendonly": "no", "appendfsync": "everysec", "maxmemory-policy": "allkeys-lru"}
    redis = start_redis(config=bad, users=["default on nopass ~* &* +@all -flushall"])
    code, found = examined(REDIS_URL=redis.url)
    assert code == 1
    for name, value in bad.items():
        assert (found[f"Redis {name}"]["state"], found[f"Redis {name}"]["why"]) == ("fail", value)
        assert "set `" in found[f"Redis {name}"]["remedy"]
    assert found["Redis default user"]["state"] == "fail"
    assert found["Redis rights"]["state"] == "warn"
    assert "CONFIG" in found["Redis rights"]["why"]


def test_looking_changes_nothing(redis: RedisServer) -> None:
    redis.ask("SET", "k", "v")
    before = redis.info("server")["run_id"], redis.ask("CONFIG", "GET", "*")
    examined(REDIS_URL=redis.url)
    assert redis.ask("GET", "k") == b"v"
    assert (redis.info("server")["run_id"], redis.ask("CONFIG", "GET", "*")) == before


def test_settings_that_cannot_be_used_and_variables_that_nobody_reads() -> None:
    url = "redis://blytz:hunter2@redis.example"
    code, found = examined(REDIS_URL=url, BLYTZ_REPLICAS="many", BLYTZ_ORIGNS="x")
    assert code == 1
    assert found["Settings"]["state"] == "fail"
    ended = subprocess.run(
        blytz("doctor"),
        env=clean_env(REDIS_URL=url, BLYTZ_ORIGNS="x"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "BLYTZ_ORIGNS" in ended.stdout
    assert "hunter2" not in ended.stdout + ended.stderr


def test_a_redis_that_is_not_there() -> None:
    code, found = examined(REDIS_URL=f"redis://:{PASSWORD}@127.0.0.1:{free_port()}")
    assert code == 1
    assert found["Redis"]["state"] == "fail"
    assert PASSWORD not in json.dumps(found)


def test_who_is_on_a_services_port(redis: RedisServer, tmp_path: Path) -> None:
    with (
        Service("hammer", redis.url, tmp_path) as hammer,
        socket.create_server(("127.0.0.1", 0)) as stranger,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        hammer.wait_until_ready()
        taken = stranger.getsockname()[1]
        other.close()
        code, found = examined(
            REDIS_URL=redis.url, BLYTZ_HAMMER_PORT=str(hammer.port), BLYTZ_AUCTION_PORT=str(taken)
        )
    assert code == 1
    assert found[f"Port {hammer.port} (hammer)"]["why"] == "runs and is ready"
    assert found[f"Port {taken} (auction)"]["state"] == "fail"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A public door whose certificate ends within a day, and the authority that made it."""
    folder = make_certificates(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_greet, args=(listener, context), daemon=True)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}", folder / "ca.pem"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _greet(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            wire, _ = listener.accept()
        except OSError:
            return
        try:
            context.wrap_socket(wire, server_side=True).close()
        except OSError:
            wire.close()


def test_a_certificate_near_its_end_or_believed_by_nobody(door: tuple[str, Path]) -> None:
    url, authority = door
    near = certificate(url, is_production=True, trusted=os.fspath(authority))
    assert (near.state, near.why) == ("fail", "good for 1 days")
    assert "certbot" in near.remedy
    unknown = certificate(url, is_production=False)
    assert unknown.state == "fail"
    assert "not believed" in unknown.why


def test_a_door_without_a_certificate() -> None:
    assert certificate("http://bid.example", is_production=True).state == "fail"
    assert certificate("http://bid.example", is_production=False).state == "warn"
    assert certificate("", is_production=True).state == "warn"
    assert certificate(f"https://127.0.0.1:{free_port()}", is_production=True).state == "fail"
