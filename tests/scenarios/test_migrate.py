"""`blytz migrate`, and what a service in production does with a database of another revision."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from infra.ports import free_port
from tests.support.pages import page_of
from tests.support.platform import blytz, clean_env
from tests.support.postgresql import PostgreSQLServer, programs
from tests.support.redis import RedisServer
from tests.support.services import Service
from tests.support.wait import wait_until

WITHIN_S = 30
REVISIONS = {"auction": "0001", "show": "0006"}
NOUNS = tuple(REVISIONS)


def migrate(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        blytz("migrate", *words),
        env=clean_env(BLYTZ_ENV="dev", **env),
        text=True,
        capture_output=True,
        timeout=WITHIN_S,
        check=False,
    )


def line(noun: str, revision: str | None, data: Path) -> str:
    return f"{noun}: at revision {revision}, in {data / noun}.sqlite\n"


def test_the_databases_are_made_and_left_as_they_are_the_second_time(tmp_path: Path) -> None:
    data = tmp_path / "new"

    first, again = migrate("--data", str(data)), migrate("--data", str(data))

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == again.stdout == "".join(line(noun, REVISIONS[noun], data) for noun in NOUNS)
    assert all((data / f"{noun}.sqlite").stat().st_mode & 0o077 == 0 for noun in NOUNS)
    back = migrate("--data", str(data), "--only", "show", "--to", "base")
    assert back.stdout == line("show", None, data)
    assert migrate("--data", str(data), "--only", "auction").stdout == line("auction", REVISIONS["auction"], data)


def test_postgresql_is_migrated_by_its_address_which_is_shown_without_its_password(tmp_path: Path) -> None:
    if programs() is None:
        pytest.skip("PostgreSQL is not installed: `apt-get install postgresql`")
    with PostgreSQLServer() as server:
        address = server.url.replace("blytz@", "blytz:a-secret@")
        done = migrate("--data", str(tmp_path), DATABASE_URL=address)
    assert done.returncode == 0, done.stderr
    for shown, noun in zip(done.stdout.splitlines(), NOUNS, strict=True):
        assert shown.startswith(f"{noun}: at revision {REVISIONS[noun]}, in postgresql://blytz:***@")
    assert not (tmp_path / "show.sqlite").exists()


@pytest.mark.parametrize(
    ("env", "why"),
    [
        ({"DATABASE_URL": f"postgresql://a:b@127.0.0.1:{free_port()}/x"}, "cannot be used: "),
        ({"DATABASE_URL": "mysql://a:b@127.0.0.1/x"}, "DATABASE_URL must begin with postgresql://"),
        ({"DATABASE_URL": "postgresql://127.0.0.1/x?sslmod=1"}, "DATABASE_URL has an unknown option"),
        ({"ONLY": "shop"}, "there is no database shop; there are auction and show"),
        ({"BLYTZ_DATA": "/proc/nowhere"}, "cannot write to the data folder /proc/nowhere"),
    ],
)
def test_why_it_cannot_be_done_is_one_line(env: dict[str, str], why: str) -> None:
    only = env.pop("ONLY", "")
    done = migrate(*(("--only", only) if only else ()), **env)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert why in done.stderr
    assert "a:b@" not in done.stderr


def test_a_revision_that_does_not_exist_is_one_line_and_changes_nothing(tmp_path: Path) -> None:
    migrate("--data", str(tmp_path))
    done = migrate("--data", str(tmp_path), "--to", "nonsense")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "nonsense" in done.stderr
    assert f"at revision {REVISIONS['show']}" in migrate("--data", str(tmp_path)).stdout


@pytest.mark.parametrize("noun", NOUNS)
def test_a_service_uses_a_database_that_comes_later(noun: str, shared_redis: RedisServer, tmp_path: Path) -> None:
    """On a full disk, say. It serves auctions meanwhile, and the next `/ready` prepares the database."""
    in_the_way = tmp_path / f"{noun}.sqlite"
    in_the_way.mkdir()
    with Service("auction", shared_redis.url, tmp_path) as service:
        wait_until(lambda: service.page("/ready")[0] == 503, "it says that it is not ready", WITHIN_S)
        assert page_of(service.port, "/v1/auctions?status=open")[0] == 200
        assert service.log().count("database_failed") == 1
        in_the_way.rmdir()
        service.wait_until_ready()
        assert page_of(service.port, "/v1/shows")[0] == 200
        assert page_of(service.port, "/v1/auctions")[0] == 200


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "show.sqlite").write_text("not a database")
    done = migrate("--data", str(tmp_path))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert (tmp_path / "show.sqlite").read_text() == "not a database"


def database_states(redis: RedisServer, data: Path) -> list[str]:
    """What `blytz doctor` says of the databases."""
    env = clean_env(REDIS_URL=redis.url, BLYTZ_DATA=str(data), BLYTZ_FIREBASE_PROJECT="shop")
    done = subprocess.run(
        blytz("doctor", "--json"), env=env, text=True, capture_output=True, timeout=WITHIN_S, check=False
    )
    findings = {one["name"]: one["state"] for one in json.loads(done.stdout)["findings"]}
    return [findings[f"Database {noun}"] for noun in NOUNS]


def test_in_production_a_service_starts_only_on_the_revision_that_it_expects(
    shared_redis: RedisServer, tmp_path: Path
) -> None:
    usual = {"env": "production", "firebase_project": "shop"}
    with Service("auction", shared_redis.url, tmp_path, **usual) as service:
        assert service.wait() == 1
        assert re.search(r"is empty, and this version expects revision \d+: run `blytz migrate`", service.log())

        assert migrate("--data", str(tmp_path), "--to", "base").returncode == 0
        assert database_states(shared_redis, tmp_path) == ["fail", "fail"]
        assert migrate("--data", str(tmp_path)).returncode == 0
        assert database_states(shared_redis, tmp_path) == ["ok", "ok"]
        service.start()
        service.wait_until_ready()
