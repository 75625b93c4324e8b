"""`blytz doctor` finds what would lose bids, says what to do, and works for a user with few permissions."""

import asyncio
import json
import socket
import subprocess
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from blytz.cli.doctor import machine as doctor_machine
from blytz.cli.doctor import redis as doctor_redis
from blytz.cli.doctor.findings import Finding
from blytz.cli.gateway.placeholder import write_placeholder
from blytz.kit.config.model import Settings
from blytz.kit.http.pages import Dependency, operator_pages, serve_pages
from blytz.kit.telemetry.metrics import Metrics
from infra.ports import free_port
from tests.conftest import StartRedis
from tests.support.gateway import DOMAIN, Gateway
from tests.support.platform import Platform, blytz, clean_env, free_ports
from tests.support.redis import RedisServer
from tests.support.services import Service

USER = "blytz on >n0-Body.Guesses-this ~* &* +@all -@admin -@dangerous +info +role +lastsave"
PASSWORD = "n0-Body.Guesses-this"


def by_name(found: Iterable[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in found}


def examined(*words: str, **env: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Runs doctor; returns its exit code and its findings by name."""
    ended = subprocess.run(
        blytz("doctor", "--json", *words),
        env=clean_env(**{**free_ports(), "BLYTZ_FIREBASE_PROJECT": "shop", **env}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.stderr == ""
    report = json.loads(ended.stdout)
    assert report["ok"] == (ended.returncode == 0)
    return ended.returncode, {finding["name"]: finding for finding in report["findings"]}


def test_a_good_deployment_has_no_findings(start_redis: StartRedis, tmp_path: Path) -> None:
    redis = start_redis(password="An.0ther-good-one", users=[USER], config={"maxmemory": "100mb"})
    admin = ("--admin-url", redis.url)
    _, found = examined(*admin, REDIS_URL=redis.url_as("blytz", PASSWORD), BLYTZ_DATA=str(tmp_path))
    good = {name for name, finding in found.items() if finding["state"] == "ok"}
    assert good >= {
        *("Settings", "Redis", "Redis version", "Clock", "Redis rights", "Redis default user", "Redis memory"),
        *("Redis appendonly", "Redis appendfsync", "Redis no-appendfsync-on-rewrite", "Redis maxmemory-policy"),
    }
    assert found["Redis disk"]["why"].endswith(str(redis.folder))


def test_checks_that_the_services_user_may_not_make_are_reported_as_such(start_redis: StartRedis) -> None:
    redis = start_redis(password="An.0ther-good-one", users=[USER])
    _, found = examined(REDIS_URL=redis.url_as("blytz", PASSWORD))
    assert found["Redis appendonly"]["state"] == "ok"
    assert found["Redis maxmemory-policy"]["state"] == "ok"
    for name in ("Redis appendfsync", "Redis no-appendfsync-on-rewrite", "Redis default user", "Redis disk"):
        assert found[name]["state"] == "warn"
        assert "cannot see" in found[name]["why"]
        assert "--admin-url" in found[name]["remedy"]


def test_a_redis_that_would_lose_bids_or_grow_without_bound_fails(start_redis: StartRedis) -> None:
    bad = {"appendonly": "no", "appendfsync": "everysec", "maxmemory-policy": "allkeys-lru"}
    bad["no-appendfsync-on-rewrite"] = "yes"
    redis = start_redis(config=bad, users=["default on nopass ~* &* +@all -flushall"])
    code, found = examined(REDIS_URL=redis.url)
    assert code == 1
    for name, value in bad.items():
        assert (found[f"Redis {name}"]["state"], found[f"Redis {name}"]["why"]) == ("fail", value)
        assert "set `" in found[f"Redis {name}"]["remedy"]
    assert found["Redis default user"]["state"] == "fail"
    assert found["Redis memory"]["state"] == "fail"
    assert "maxmemory is 0" in found["Redis memory"]["why"]
    assert found["Redis rights"]["state"] == "warn"
    assert "CONFIG" in found["Redis rights"]["why"]


def test_a_redis_that_accepts_no_bids_fails(start_redis: StartRedis) -> None:
    primary = start_redis(tcp=True)
    replica = start_redis(config={"replicaof": f"127.0.0.1 {primary.port}", "maxmemory": "100mb"})
    found = by_name(doctor_redis.findings(replica.url, None, replicas=1))
    assert found["Redis role"].state == found["Redis replicas"].state == "fail"
    assert found["Redis memory"].state == "ok"


@pytest.mark.parametrize("url", ["nonsense", f"redis://:{PASSWORD}@127.0.0.1:1"])
def test_a_wrong_admin_address_is_reported(redis: RedisServer, url: str) -> None:
    found = by_name(doctor_redis.findings(redis.url, url))
    assert found["Redis admin"].state == "fail"
    assert "BLYTZ_ADMIN_REDIS_URL" in found["Redis admin"].remedy
    assert "Redis rights" in found
    assert PASSWORD not in str(found)


def test_checks_change_nothing(redis: RedisServer) -> None:
    redis.ask("SET", "k", "v")
    before = redis.info("server")["run_id"], redis.ask("CONFIG", "GET", "*")
    examined(REDIS_URL=redis.url)
    assert redis.ask("GET", "k") == b"v"
    assert (redis.info("server")["run_id"], redis.ask("CONFIG", "GET", "*")) == before


def test_invalid_settings_and_unknown_variables_are_reported() -> None:
    url = "redis://blytz:hunter2@redis.example"
    code, found = examined(REDIS_URL=url, BLYTZ_REPLICAS="many", BLYTZ_ORIGNS="x", BLYTZ_GATEWAY_WORKERS="x")
    assert code == 1
    assert found["Settings"]["state"] == found["Gateway settings"]["state"] == "fail"
    assert "Redis" not in found
    assert "not checked" in found["Redis, services"]["why"]
    ended = subprocess.run(
        blytz("doctor"),
        env=clean_env(REDIS_URL=url, BLYTZ_ORIGNS="x"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "did you mean BLYTZ_ORIGINS?" in ended.stdout
    assert "no token issuer" in ended.stdout
    assert "hunter2" not in ended.stdout + ended.stderr


def test_a_redis_that_does_not_answer_fails_and_no_password_is_shown() -> None:
    code, found = examined(REDIS_URL=f"redis://:{PASSWORD}@127.0.0.1:{free_port()}")
    assert code == 1
    assert found["Redis"]["state"] == "fail"
    assert PASSWORD not in json.dumps(found)


def test_another_program_on_the_port_of_a_service_fails(redis: RedisServer, tmp_path: Path) -> None:
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


async def test_a_service_whose_issuer_is_down_runs_with_a_warning() -> None:
    async def found(**dependencies: Dependency) -> Finding:
        parts = {name: partial(lambda one: one, one) for name, one in dependencies.items()}
        server = await serve_pages("127.0.0.1", 0, operator_pages(Metrics(), parts))
        async with server:
            port = server.sockets[0].getsockname()[1]
            examine = partial(by_name, doctor_machine.findings(Settings(hammer_port=port)))
            return (await asyncio.to_thread(examine))[f"Port {port} (hammer)"]

    up, away = Dependency("up"), Dependency("away")
    fine = await found(redis=up, unasked=Dependency("unasked", optional=True))
    assert (fine.state, fine.why) == ("ok", "runs and is ready")
    without = await found(redis=up, issuer=Dependency("away", optional=True))
    assert (without.state, without.why) == ("warn", "runs, without issuer")
    assert (await found(redis=away, issuer=Dependency("away", optional=True))).state == "fail"


def test_a_host_that_is_not_this_machine_fails() -> None:
    found = by_name(doctor_machine.findings(Settings(host="no.such.name.invalid")))
    assert (found["Port 8084 (hammer)"].state, "BLYTZ_HOST" in found["Port 8084 (hammer)"].remedy) == (
        "fail",
        True,
    )


def test_doctor_needs_no_settings_for_the_platform_of_blytz_up(platform: Platform) -> None:
    ended = subprocess.run(
        blytz("doctor", "--json", "--data", str(platform.data)),
        env=clean_env(),
        capture_output=True,
        text=True,
        check=False,
    )
    found = {finding["name"]: finding for finding in json.loads(ended.stdout)["findings"]}
    assert found["Settings"]["why"] == f"are valid for dev: those of the `blytz up` in {platform.data}"
    assert found[f"Port {platform.ports['live']} (live)"]["why"] == "runs and is ready"
    assert found["Redis rights"]["state"] == "ok"
    assert found["Database show"]["state"] == found["Database auction"]["state"] == "ok"
    assert found["Redis appendfsync"] == {
        "name": "Redis appendfsync",
        "state": "ok",
        "why": "always",
        "remedy": "",
    }
    assert found["Redis default user"]["state"] == found["Redis no-appendfsync-on-rewrite"]["state"] == "ok"
    assert found["Redis disk"]["why"].endswith(str(platform.data / "redis"))
    assert not any("--admin-url" in finding["remedy"] for finding in found.values())


def test_a_gateway_with_the_certificate_of_its_first_start(platform: Platform, tmp_path: Path) -> None:
    with Gateway(tmp_path / "data", platform, domains=DOMAIN) as gateway:
        settings = {
            "BLYTZ_GATEWAY_DOMAINS": DOMAIN,
            "BLYTZ_GATEWAY_HTTP_PORT": str(gateway.http_port),
            "BLYTZ_GATEWAY_HTTPS_PORT": str(gateway.https_port),
        }
        _, found = examined("--data", str(gateway.data), **settings)
        assert found[f"Port {gateway.http_port} (gateway)"]["why"] == "runs, and redirects to https"
        https = f"Port {gateway.https_port} (gateway)"
        assert found[https]["why"] == "runs, and serves the certificate of its file"
        assert "placeholder" in found["Certificate file"]["why"]
        assert "infra/tls/issue.sh" in found["Certificate file"]["remedy"]
        _, renamed = examined("--data", str(gateway.data), **{**settings, "BLYTZ_GATEWAY_DOMAINS": "bid.example"})
        assert renamed[https]["why"] == "runs, and does not serve bid.example"
        (gateway.folder / "tls" / "site.pem").unlink()
        write_placeholder(gateway.folder / "tls" / "site.pem", (DOMAIN,))
        _, found = examined("--data", str(gateway.data), **settings)
        assert found[https]["why"] == "serves another certificate than its file"


def test_another_program_on_the_port_of_the_gateway_fails(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        taken = threading.Thread(target=_hang_up, args=(stranger,), daemon=True)
        taken.start()
        code, found = examined("--data", str(tmp_path), BLYTZ_GATEWAY_HTTP_PORT=str(port))
        taken.join(5)
    assert code == 1
    assert "not this gateway" in found[f"Port {port} (gateway)"]["why"]


def _hang_up(listener: socket.socket) -> None:
    listener.accept()[0].close()


def test_without_a_terminal_each_finding_is_one_line(redis: RedisServer) -> None:
    ended = subprocess.run(
        blytz("doctor"),
        env=clean_env(REDIS_URL=redis.url, BLYTZ_ENV="dev", **free_ports()),
        capture_output=True,
        text=True,
        check=False,
    )
    *lines, summary = ended.stdout.splitlines()
    assert all(line[:4].strip() in {"ok", "note", "warn", "fail"} for line in lines)
    assert " failed, " in summary
