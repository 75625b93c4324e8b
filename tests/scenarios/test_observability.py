"""What an operator sees of the processes: metrics, log lines and health."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from blytz.kit.config.model import Settings
from blytz.kit.http.asgi import MAX_REQUESTS
from infra.ports import free_port
from tests.support.gateway import Gateway, abort
from tests.support.http import Api, problem
from tests.support.live_client import Client
from tests.support.redis import RedisServer
from tests.support.services import Service
from tests.support.wait import wait_until

LABELS = {"code", "outcome", "status", "what", "why", "le", "version", "python", "task"}
EVERYWHERE = {"blytz_build_info", "blytz_redis_up", "blytz_redis_in_flight", "blytz_redis_round_trip_seconds"}
OF_BIDS = {"blytz_bids", "blytz_bid_decision_seconds", "blytz_bid_durable_seconds", "blytz_logins_refused"}
OF = {
    "auction": EVERYWHERE | OF_BIDS | {"blytz_http_requests", "blytz_http_requests_in_flight"},
    "live": EVERYWHERE | OF_BIDS | {"blytz_connections", "blytz_fan_out_seconds", "blytz_fan_out_due"},
    "hammer": EVERYWHERE | {"blytz_hammer_lag_seconds", "blytz_auctions_closed", "blytz_show_lag_seconds"},
}
MAX_SERIES = 400
PROMETHEUS = Path(__file__).parents[2] / "infra" / "prometheus"
OURS = re.compile(r"\b((?:blytz|process)_\w+)(?:\{([^}]*)\})?")
"""A series of our own in the text of an alert, and what stands between its braces."""
CEILING = 98_765_432


class Processes:
    """One of each process, with the activity that the tests look for."""

    def __init__(self, services: dict[str, Service], api: Api, folder: Path, redis_url: str) -> None:
        self.services, self.api, self.folder, self.redis_url = services, api, folder, redis_url
        self.sam, self.anna = api.token("Sam", "seller"), api.token("Anna")

    def logged(self, service: str, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.services[service].log().splitlines()]
        return [line for line in lines if line["event"] == event]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    folder = tmp_path_factory.mktemp("processes")
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        # The metrics of video are there when a LiveKit is configured, whether it answers or not.
        video = {
            "livekit_url": f"ws://127.0.0.1:{free_port()}",
            "livekit_api_key": "key",
            "livekit_api_secret": "s" * 32,
        }
        services = {name: stack.enter_context(Service(name, redis.url, folder, **video)) for name in OF}  # type: ignore[arg-type]
        for service in services.values():
            service.wait_until_ready()
        api = stack.enter_context(Api(services["auction"], folder))
        yield Processes(services, api, folder, redis.url)


@pytest.fixture(scope="module")
def after_activity(processes: Processes) -> Processes:
    """After bids of every outcome over HTTP and WebSocket, a message, a refused sign-in and a closed auction."""
    auction_id = processes.api.create(processes.sam, duration_ms=3_000, ending="sudden_death")
    assert processes.api.bid(auction_id, CEILING, by=processes.anna, kind="max", bid_id="h1").status_code == 201
    assert processes.api.bid(auction_id, 1, by=processes.api.token("Ben")).status_code == 409
    assert processes.api.bid(auction_id, 1, by="a.stolen.token").status_code == 401
    assert processes.api.get("/v1/auctions", by="a.stolen.token").status_code == 401
    assert processes.api.get(f"/v1/auctions/{auction_id}", secret_in="query").status_code == 422
    assert processes.api.get(f"/v1/auctions/{auction_id}").status_code == 200
    asyncio.run(_watch_and_bid(processes, auction_id))
    hammer = processes.services["hammer"]
    wait_until(lambda: 'blytz_auctions_closed_total{status="sold"}' in hammer.page("/metrics")[1], "sold", 10)
    return processes


async def _watch_and_bid(processes: Processes, auction_id: str) -> None:
    port = processes.services["live"].port
    client = await Client.open(port)
    client.send(
        {"type": "auth", "token": processes.api.token("Ben")}, {"type": "watch", "topic": f"auction:{auction_id}"}
    )
    bid = {"type": "bid", "auction_id": auction_id, "bid_id": "w1", "amount": 777, "kind": "exact"}
    await client.receive("snapshot")
    client.send(bid)
    await client.receive("bid_result", outcome="outbid")
    await client.receive("event")
    client.send({"type": "say", "show_id": "shw_none", "message_id": "m1", "text": "Hello"})
    await client.receive("say_result")
    client.writer.close()
    client = await Client.open(port)
    client.send({"type": "auth", "token": "a.stolen.token"})
    await client.receive("error")
    client.writer.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, processes: Processes) -> Iterator[Gateway]:
    auction, live = (f"127.0.0.1:{processes.services[name].port}" for name in ("auction", "live"))
    with Gateway(tmp_path_factory.mktemp("gateway") / "data", auction=auction, live=live) as running:
        yield running


@pytest.mark.parametrize("service", OF)
def test_every_metric_follows_the_prometheus_conventions(after_activity: Processes, service: str) -> None:
    status, text = after_activity.services[service].page("/metrics")
    assert status == 200
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families.keys() >= OF[service]
    ours = [family for name, family in families.items() if name.startswith("blytz_")]
    assert {name for name in families if not name.startswith(("blytz_", "process_", "python_"))} == set()
    assert sum(len(family.samples) for family in ours) < MAX_SERIES
    for family in ours:
        assert re.fullmatch("blytz(_[a-z]+)+", family.name)
        assert family.documentation
        assert not family.name.endswith(("_ms", "_milliseconds", "_kb"))
        if family.type == "histogram":
            assert family.name.endswith(("_seconds", "_bytes"))
            bounds = [float(sample.labels["le"]) for sample in family.samples if "le" in sample.labels]
            assert (min(bounds), sorted(bounds)[-2], max(bounds)) == (0.001, 1.0, float("inf"))
        for sample in family.samples:
            assert set(sample.labels) <= LABELS
            for value in sample.labels.values():
                assert re.fullmatch(r"[a-z0-9_.+]*|\+Inf", value), f"{sample.name}: {value}"
    build = families["blytz_build_info"].samples[0]
    assert build.value == 1
    assert build.labels.keys() == {"version", "python"}
    if promtool := shutil.which("promtool"):
        subprocess.run([promtool, "check", "metrics"], input=text, text=True, check=True, capture_output=True)


def test_every_series_used_by_an_alert_is_exported(after_activity: Processes) -> None:
    """With the labels that the alert uses; an alert on a missing series would never fire."""
    exported: dict[str, dict[str, set[str]]] = {}
    for service in after_activity.services.values():
        for family in text_string_to_metric_families(service.page("/metrics")[1]):
            for sample in family.samples:
                # Prometheus itself adds these two.
                labels = exported.setdefault(sample.name, {"job": {"blytz"}, "service": set(OF)})
                for label, value in sample.labels.items():
                    labels.setdefault(label, set()).add(value)
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    asked = [found for group in groups for rule in group["rules"] for found in OURS.findall(rule["expr"])]
    assert len(asked) > 10
    for name, matchers in asked:
        assert name in exported, f"{name} is exported by no process"
        for label, value in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
            assert label in exported[name], f"{name} has no label {label}"
            # Buckets must exist; outcomes that only occur on failures need not.
            assert label != "le" or value in exported[name]["le"], f"{name} has no bucket {value}"


def test_prometheus_scrapes_the_ports_on_which_the_services_listen() -> None:
    jobs = {
        job["job_name"]: job
        for job in yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    }
    watched = {one["labels"]["service"]: one["targets"] for one in jobs["blytz"]["static_configs"]}
    ports = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    assert watched == {name: [f"127.0.0.1:{ports[f'{name}_port']}"] for name in OF}


def test_the_metrics_count_what_happened(after_activity: Processes) -> None:
    def value(service: str, name: str, **labels: str) -> float:
        text = after_activity.services[service].page("/metrics")[1]
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(sample.value for sample in samples if sample.name == name and sample.labels == labels)

    assert value("auction", "blytz_bids_total", outcome="accepted", code="") == 1
    assert value("auction", "blytz_bids_total", outcome="refused", code="bid_too_low") == 1
    assert value("live", "blytz_bids_total", outcome="outbid", code="") == 1
    assert value("auction", "blytz_logins_refused_total") == 2
    assert value("live", "blytz_logins_refused_total") == 1
    assert value("auction", "blytz_bid_durable_seconds_count") == 2
    assert 0 < value("live", "blytz_bid_durable_seconds_sum") < 1
    assert value("live", "blytz_fan_out_seconds_count") >= 1
    assert value("hammer", "blytz_hammer_lag_seconds_count") == 1
    for service in OF:
        assert value(service, "blytz_redis_round_trip_seconds_count") > 0


def test_each_request_and_decision_has_a_log_line(after_activity: Processes) -> None:
    wait_until(lambda: len(after_activity.logged("auction", "bid")) == 3, "three decisions over HTTP")
    accepted, refused, stranger = after_activity.logged("auction", "bid")
    auction_id = accepted["auction_id"]
    assert accepted["outcome"] == "accepted"
    assert (refused["outcome"], refused["code"], refused["auction_id"]) == ("refused", "bid_too_low", auction_id)
    assert (stranger["code"], stranger["user_id"]) == ("unauthenticated", None)
    [watched] = after_activity.logged("live", "bid")
    assert (watched["outcome"], watched["user_id"]) == ("outbid", refused["user_id"])
    created, *_, read = after_activity.logged("auction", "request")
    assert (created["method"], created["path"], created["status"]) == ("POST", "/v1/auctions", 201)
    assert created["user_id"].startswith("usr_")
    assert (read["auction_id"], read["user_id"], read["outcome"]) == (auction_id, None, "answered")
    assert created["outcome"] == "answered"
    for line in (accepted, refused, stranger, watched, created, read):
        assert {"timestamp", "level", "service", "request_id"} <= line.keys()
        assert 0 < line["duration_ms"] < 5_000


async def test_the_request_id_of_an_answer_is_in_the_logs_of_gateway_and_service(
    processes: Processes, gateway: Gateway
) -> None:
    answer = gateway.get("/auction/v1/auctions/auc_none", Authorization=f"Bearer {processes.anna}")
    assert problem(answer, 404, "auction_not_found")
    trace = answer.headers["x-request-id"]
    assert json.loads(gateway.log_line(trace))["status"] == 404
    line = about(processes, "auction", "request", trace)
    assert (line["auction_id"], line["status"], line["outcome"]) == ("auc_none", 404, "refused")
    # Reading needs no token, but a request with one is logged with its user.
    anna = processes.api.issuer.verify(processes.anna).id
    assert line["user_id"] == anna

    client = await Client.open(gateway.http_port)
    client.send({"type": "auth", "token": processes.anna})
    client.send({"type": "bid", "auction_id": "auc_none", "bid_id": "t", "amount": 1, "kind": "exact"})
    await client.receive("bid_result", code="auction_not_found")
    await abort(client)
    [trace] = re.findall(r"(?im)^x-request-id: ([0-9a-f]+)", client.head)
    # nginx logs a WebSocket when it ends.
    assert json.loads(gateway.log_line(trace))["status"] == 101
    line = about(processes, "live", "bid", trace)
    assert (line["auction_id"], line["user_id"]) == ("auc_none", anna)


def about(processes: Processes, service: str, event: str, trace: str) -> dict[str, Any]:
    """Waits for the only line of this service about a request."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = [line for line in processes.logged(service, event) if line["request_id"] == trace]
        return bool(found)

    wait_until(is_there, f"{service} has a line about {trace}")
    [line] = found
    return line


def test_every_log_line_has_the_same_form_and_contains_no_secret(after_activity: Processes) -> None:
    for name, service in after_activity.services.items():
        text = service.log()
        for line in text.splitlines():
            entry = json.loads(line)
            assert entry["service"] == name
            assert {"timestamp", "level", "event"} <= entry.keys()
            assert entry["event"] != "request" or entry["path"] not in {"/health", "/ready", "/metrics"}
        for secret in (str(CEILING), after_activity.anna, after_activity.sam, "stolen", "secret_in"):
            assert secret not in text


def test_a_process_at_its_request_limit_is_alive(processes: Processes) -> None:
    """The request limit is reached, by requests whose bodies do not come."""
    with ExitStack() as stack:
        settings = {"writes_per_s": 1_000, "writes_burst": 1_000}
        service = stack.enter_context(Service("auction", processes.redis_url, processes.folder, **settings))
        api = stack.enter_context(Api(service.wait_until_ready(), processes.folder))
        lines = (
            "POST /v1/auctions HTTP/1.1",
            "Host: a",
            f"Authorization: Bearer {processes.sam}",
            "Content-Length: 9",
        )
        head = "\r\n".join([*lines, "", ""])
        for _ in range(MAX_REQUESTS):
            wire = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            wire.sendall(head.encode())
        busy = f"blytz_http_requests_in_flight {MAX_REQUESTS}.0"
        wait_until(lambda: busy in api.get("/metrics").text, "no slot is free", 10)
        assert api.get("/v1/auctions").json()["code"] == "overloaded"
        assert api.get("/health").status_code == 200
        assert api.get("/ready").status_code == 200
