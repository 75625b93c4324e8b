"""`blytz watch`, `bid`, `simulate`, `verify` and `demo` on a whole platform, with and without a terminal."""

import asyncio
import contextlib
import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from blytz.cli import COMMANDS, main
from blytz.client.http import HttpClient
from blytz.simulate.plan import Plan
from blytz.simulate.simulation import Simulation
from tests.support.platform import Platform, StartPlatform, blytz, clean_env
from tests.support.wait import wait_until

WITHIN_S = 60.0
Ended = subprocess.CompletedProcess[str]


def run(platform: Platform, *arguments: str) -> Ended:
    """Runs a command with --data, as on the machine of the platform."""
    command = blytz(*arguments, "--data", str(platform.data))
    return subprocess.run(command, env=clean_env(), text=True, capture_output=True, timeout=WITHIN_S, check=False)


def an_auction(platform: Platform, title: str = "A lamp", **terms: Any) -> str:
    http = HttpClient(platform.url, platform.token("Selma", "seller"))
    return str(asyncio.run(http.create(title, {"duration_ms": 600_000, **terms}))["auction_id"])


def close(platform: Platform, auction_id: str) -> None:
    http = HttpClient(platform.url, platform.token("Selma", "seller"))
    asyncio.run(http.act(auction_id, "close"))


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[Any]]]:
    """Starts processes that are ended with the test."""
    processes: list[subprocess.Popen[Any]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def start(processes: list[subprocess.Popen[Any]], platform: Platform, *arguments: str) -> subprocess.Popen[Any]:
    command = blytz(*arguments, "--url", platform.url)
    processes.append(
        subprocess.Popen(command, env=clean_env(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    )
    return processes[-1]


def test_the_newest_open_auction_needs_no_id(platform: Platform) -> None:
    auction = an_auction(platform)

    accepted = run(platform, "bid", "latest", "500", "--as", "anna", "--json")

    assert accepted.returncode == 0, accepted.stderr
    state = asyncio.run(HttpClient(platform.url).auction(auction))
    assert (state["price"], state["leader"]["name"]) == (500, "anna")


def test_among_several_open_auctions_a_bid_on_the_latest_says_which_it_is(platform: Platform) -> None:
    an_auction(platform, "A chair")
    auction = an_auction(platform, "A table")

    accepted = run(platform, "bid", "latest", "500", "--as", "anna")
    leads = run(platform, "bid", "latest", "600", "--kind", "max", "--as", "anna")
    sellers = run(platform, "bid", auction, "900", "--as", "Selma")
    close(platform, auction)
    late = run(platform, "bid", auction, "900", "--as", "ben")

    assert accepted.stdout == "accepted: you lead A table at $5.00; next bid $6.00\n"
    assert accepted.stderr == f"blytz: latest is {auction}, A table: the newest of several open auctions\n"
    assert leads.returncode == 0
    assert sellers.stdout == "refused: bidder_is_seller: sellers do not bid on their own auctions (A table)\n"
    assert late.stdout == "refused: auction_not_open: the auction is not open (A table)\n"


def test_a_bid_is_answered_in_one_line(platform: Platform) -> None:
    auction = an_auction(platform)

    accepted = run(platform, "bid", auction, "500", "--as", "anna", "--bid-id", "b1")
    again = run(platform, "bid", auction, "500", "--as", "anna", "--bid-id", "b1", "--json")
    ceiling = run(platform, "bid", auction, "2000", "--kind", "max", "--as", "ben")
    outbid = run(platform, "bid", auction, "900", "--as", "anna")
    refused = run(platform, "bid", auction, "400", "--as", "anna")

    assert (accepted.returncode, accepted.stdout) == (0, "accepted: you lead A lamp at $5.00; next bid $6.00\n")
    assert (again.returncode, json.loads(again.stdout)["replayed"]) == (0, True)
    assert (ceiling.returncode, ceiling.stdout) == (0, "accepted: you lead A lamp at $6.00; next bid $7.00\n")
    assert outbid.returncode == 0
    assert outbid.stdout.startswith("outbid on A lamp: another bidder's hidden maximum stays ahead at $10.00")
    assert (refused.returncode, refused.stdout) == (1, "refused: bid_too_low: A lamp takes $11.00 or more\n")
    assert run(platform, "verify", auction).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("bid", "auc_none", "500", "--as", "anna"), 1, "refused: auction_not_found: name one by its id"),
        (("bid", "auc_none", "500"), 1, "say who bids"),
        (("bid", "auc_none", "500", "--token", "nonsense"), 1, "the token was refused"),
        (("bid", "auc_none", "500", "--as", "anna", "--bid-id", "a b"), 1, "a bid id has 1 to 64"),
        (("bid", "auc_none", "0", "--as", "anna"), 2, "AMOUNT"),
        (("watch", "auc_none"), 1, "there is no auction auc_none"),
        (("watch", "shw_none"), 1, "there is no show shw_none"),
        (("simulate", "--rate", "900"), 1, "900 bids a second need 113 bidders"),
        (("simulate", "--auction", "auc_none"), 1, "there is no such auction"),
        (("verify", "auc_none"), 1, "there is no auction auc_none"),
    ],
)
def test_a_command_that_fails_prints_one_line_with_the_reason(
    platform: Platform, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended = run(platform, *arguments)
    output = ended.stdout + ended.stderr
    assert ended.returncode == code
    assert says in output
    assert "Traceback" not in output
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("sell", "No such command 'sell'; see `blytz --help`"),
        ("--quick", "No such option: --quick; see `blytz --help`"),
        ("token", "Missing argument 'NAME'; see `blytz token --help`"),
        ("token anna --rule x", "No such option: --rule (Possible options: --role); see `blytz token --help`"),
        ("serve foo", "Invalid value for 'SERVICE': 'foo' is not one of 'auction', 'live', 'hammer'; see"),
        ("show begin", "No such command 'begin'; see `blytz show --help`"),
        ("bid latest", "Missing argument 'AMOUNT'; see `blytz bid --help`"),
        ("bid latest 1.5", "Invalid value for 'AMOUNT': Input should be a valid integer"),
        ("up --port", "Option '--port' requires an argument; see `blytz up --help`"),
    ],
)
def test_wrong_arguments_are_reported_in_one_line(
    arguments: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())
    out, err = capsys.readouterr()
    assert (ended.value.code, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith(f"blytz: {why}")


def test_without_arguments_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert all(f"  {name} " in err for name in COMMANDS)


@pytest.mark.parametrize("arguments", [("watch",), ("bid", "auc_1", "5", "--as", "a"), ("simulate",)])
def test_without_a_platform_each_command_says_what_to_do(arguments: tuple[str, ...]) -> None:
    command = blytz(*arguments, "--url", "http://127.0.0.1:1")
    ended = subprocess.run(command, env=clean_env(), text=True, capture_output=True, timeout=WITHIN_S, check=False)
    assert ended.returncode == 1
    assert ended.stderr == (
        "blytz: http://127.0.0.1:1 does not answer ([Errno 111] Connection refused): is `blytz up` running?\n"
    )


def test_settings_that_are_refused_come_with_the_names_that_are_no_setting() -> None:
    """The missing issuer is one, under a misspelt name."""
    env = clean_env(BLYTZ_FIREBASE_PROJCET="shop", REDIS_URL="unix:///none.sock")
    ended = subprocess.run(
        blytz("serve", "live"), env=env, text=True, capture_output=True, timeout=WITHIN_S, check=False
    )
    assert ended.returncode == 1
    assert "did you mean BLYTZ_FIREBASE_PROJECT?" in ended.stderr
    assert "no token issuer is configured" in ended.stderr


def test_watch_with_json_prints_one_object_a_line(
    platform: Platform, started: list[subprocess.Popen[Any]]
) -> None:
    auction = an_auction(platform)
    watching = start(started, platform, "watch", auction, "--json")
    assert watching.stdout is not None
    events_received: list[dict[str, Any]] = []
    while not {"snapshot", "viewers"} <= {each["type"] for each in events_received}:
        events_received.append(json.loads(watching.stdout.readline()))
    run(platform, "bid", auction, "500", "--as", "anna")
    close(platform, auction)
    out, err = watching.communicate(timeout=WITHIN_S)
    events_received += [json.loads(line) for line in out.splitlines()]

    events = [each for each in events_received if each["type"] == "event"]
    assert [(each["seq"], each["kind"]) for each in events] == [(2, "bid"), (3, "sold")]
    assert {"type": "viewers", "topic": f"auction:{auction}", "count": 1} in events_received
    assert any(each["type"] == "connection" and each["state"] == "live" for each in events_received)
    assert (watching.returncode, err) == (0, "")


def test_watch_draws_in_a_terminal_and_restores_it(
    platform: Platform, started: list[subprocess.Popen[Any]]
) -> None:
    auction = an_auction(platform, "Hand-thrown tea bowl")
    run(platform, "bid", auction, "500", "--as", "Maya")
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    shown = b""
    try:
        env = clean_env(TERM="xterm-256color", COLUMNS="80", LINES="24")
        command = blytz("watch", auction, "--url", platform.url)
        watching = subprocess.Popen(command, env=env, stdin=theirs, stdout=theirs, stderr=theirs)
        started.append(watching)

        def has(wanted: str) -> bool:
            nonlocal shown
            with contextlib.suppress(BlockingIOError):
                shown += os.read(ours, 65_536)
            return wanted.encode() in shown

        wait_until(lambda: has("Hand-thrown tea bowl"), "the title is drawn", WITHIN_S)
        wait_until(lambda: has("1 bid"), "the bid is drawn", WITHIN_S)
        watching.send_signal(signal.SIGINT)
        wait_until(lambda: has("\x1b[?1049l"), "the screen is restored", WITHIN_S)
        assert watching.wait(timeout=WITHIN_S) == 0
        wait_until(
            lambda: has("Hand-thrown tea bowl: open, Maya leads with $5.00"), "the final line is printed", WITHIN_S
        )
        assert b"Traceback" not in shown
        assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
    finally:
        os.close(theirs)
        os.close(ours)


def test_a_simulation_sees_every_event_and_agrees_with_the_log(platform: Platform) -> None:
    ended = run(
        platform, "simulate", "--bidders", "5", "--viewers", "40", "--rate", "40", "--seconds", "3", "--json"
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    result = json.loads(ended.stdout)
    outcomes = result["outcomes"]
    assert result["ok"]
    assert (result["gaps"], result["behind"], result["unsent"], result["errors"]) == (0, 0, 0, {})
    assert 80 < result["sent"] < 160
    assert sum(outcomes.values()) == result["sent"] == result["ack"]["samples"]
    assert outcomes["accepted"] > result["sent"] / 2
    assert result["events"] * 40 == result["deliveries"] == result["fan_out"]["samples"]
    recorded = outcomes["accepted"] + outcomes.get("outbid", 0) - result["replayed"]
    report = json.loads(run(platform, "verify", result["auction_id"], "--json").stdout)
    assert (report["ok"], report["status"], report["bids"]) == (True, "sold", recorded)


def test_a_simulation_shows_a_table_and_can_bid_on_an_existing_auction(platform: Platform) -> None:
    auction = an_auction(platform, increments=[[0, 100]])
    ended = run(
        platform,
        "simulate",
        "--auction",
        auction,
        "--bidders",
        "3",
        "--viewers",
        "3",
        "--seconds",
        "1",
        "--rising",
    )
    assert ended.returncode == 0
    for wanted in ("accepted", "answer to a bid, ms", "event to viewer, ms", "bid to viewer, ms", "gaps", auction):
        assert wanted in ended.stdout
    assert json.loads(run(platform, "verify", auction, "--json").stdout)["status"] == "open"


def test_a_simulation_shows_prices_in_the_currency_of_its_auction(platform: Platform) -> None:
    auction = an_auction(platform, currency="EUR", increments=[[0, 100]])
    plan = Plan(url=platform.url, auction=auction, bidders=1, viewers=0, rate=5, seconds=0.5)
    shown: list[str] = []
    asyncio.run(Simulation(plan, lambda progress: shown.append(progress.currency)).run())
    assert shown[-1] == "EUR"


def test_a_simulation_continues_after_a_restart_of_the_gateway(
    start_platform: StartPlatform, started: list[subprocess.Popen[Any]]
) -> None:
    platform = start_platform()
    arguments = ("--bidders", "4", "--viewers", "30", "--rate", "20", "--seconds", "60", "--json")
    crowd = start(started, platform, "simulate", *arguments)
    wait_until(lambda: "bid" in kinds(platform), "bids are made", WITHIN_S)
    platform.wait_until_back("live", platform.kill("live"))
    wait_until(lambda: b"\nblytz_connections 34.0\n" in platform.get("/metrics", "live")[2], "all are back", 20)
    before = len(bids_of(platform))
    wait_until(lambda: len(bids_of(platform)) > before + 5, "the bidding goes on", WITHIN_S)
    crowd.send_signal(signal.SIGINT)
    out, err = crowd.communicate(timeout=WITHIN_S)

    result = json.loads(out)
    assert (crowd.returncode, err) == (0, "")
    assert (result["ok"], result["gaps"], result["behind"]) == (True, 0, 0)
    assert result["reconnects"] >= 30
    assert run(platform, "verify", "--all").returncode == 0


def kinds(platform: Platform) -> set[str]:
    http = HttpClient(platform.url)
    auction = asyncio.run(http.newest("open"))
    if auction is None:
        return set()
    page = asyncio.run(http.get(f"/auction/v1/auctions/{auction['auction_id']}/events"))
    return {event["kind"] for event in page["events"]}


def test_the_demo_continues_after_restarts_of_services(
    start_platform: StartPlatform, started: list[subprocess.Popen[Any]]
) -> None:
    platform = start_platform()
    watching = start(started, platform, "watch", "--json")
    start(started, platform, "demo", "--shows", "1")
    wait_until(lambda: "bid" in kinds(platform), "there is a bid", 10.0)
    before = bids_made(platform)
    for name in ("live", "auction"):
        platform.wait_until_back(name, platform.kill(name))
    wait_until(lambda: bids_made(platform) > before, "the bidding goes on", WITHIN_S)

    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=WITHIN_S)
    assert (watching.returncode, err) == (0, "")
    seqs: dict[str, int] = {}
    for each in map(json.loads, out.splitlines()):
        if each["type"] == "event":
            assert each["seq"] == seqs[each["topic"]] + 1, "no event is missing after a snapshot"
        if each["type"] in {"event", "snapshot"}:
            seqs[each["topic"]] = each["seq"]
    assert {topic.partition(":")[0] for topic in seqs} == {"show", "auction"}


def bids_made(platform: Platform) -> int:
    """In all auctions: between two lots of a show none is open."""
    page = asyncio.run(HttpClient(platform.url).get("/auction/v1/auctions", limit=100))
    return sum(auction["bid_count"] for auction in page["auctions"])


def bids_of(platform: Platform) -> list[dict[str, Any]]:
    http = HttpClient(platform.url)
    auction = asyncio.run(http.newest("open"))
    assert auction is not None
    page = asyncio.run(http.get(f"/auction/v1/auctions/{auction['auction_id']}/events"))
    return [event for event in page["events"] if event["kind"] == "bid"]


def test_a_command_whose_reader_closes_the_pipe_ends_with_the_code_of_sigpipe() -> None:
    """Not with 1, which `blytz verify` uses for a difference."""
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as nobody:
        ended = subprocess.run(
            blytz("--help"), env=clean_env(), stdout=nobody, stderr=subprocess.PIPE, timeout=WITHIN_S, check=False
        )
    assert (ended.returncode, ended.stderr) == (141, b"")
