"""`blytz show`, `blytz watch SHOW` and a whole show of `blytz demo`, on a whole platform."""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blytz.client.http import HttpClient
from tests.support.platform import Platform, blytz, clean_env
from tests.support.wait import wait_until

WITHIN_S = 60.0


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are ended with the test."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def start(processes: list[subprocess.Popen[str]], platform: Platform, *arguments: str) -> subprocess.Popen[str]:
    command = blytz(*arguments, "--url", platform.url)
    processes.append(
        subprocess.Popen(command, env=clean_env(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    )
    return processes[-1]


class Seller:
    """A seller at the terminal, with shows of its own."""

    def __init__(self, platform: Platform, name: str) -> None:
        self._platform, self._name = platform, name

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = blytz("show", *arguments, "--as", self._name, "--data", str(self._platform.data))
        return subprocess.run(
            command, env=clean_env(), text=True, capture_output=True, timeout=WITHIN_S, check=False
        )

    def get(self, *arguments: str) -> list[dict[str, Any]]:
        """What a command prints with --json."""
        ended = self.run(*arguments, "--json")
        assert ended.returncode == 0, ended.stderr
        return [json.loads(line) for line in ended.stdout.splitlines()]


def test_a_seller_makes_fills_orders_and_runs_a_show(platform: Platform, tmp_path: Path) -> None:
    seller, file = Seller(platform, "Sita"), tmp_path / "lots.csv"
    file.write_text("title,start_price,condition\nVase,900,new\nLamp,,\n")

    (made,) = seller.get("create", "Pottery night", "--lot", "Tea bowl=500", "--lots", str(file))
    bowl, vase, lamp = seller.get("queue", made["show_id"])
    assert [lot["title"] for lot in (bowl, vase, lamp)] == ["Tea bowl", "Vase", "Lamp"]
    assert (vase["terms"]["start_price"], vase["condition"]) == (900, "new")

    ordered = seller.get("queue", "latest", vase["lot_id"])
    assert [lot["title"] for lot in ordered] == ["Vase", "Tea bowl", "Lamp"]
    assert seller.get("start", "latest")[0]["status"] == "live"
    assert seller.get("next", "latest")[0]["lot_id"] == vase["lot_id"]
    assert seller.get("pause", "latest")[0]["status"] == "paused"
    assert seller.get("resume", "latest")[0]["status"] == "live"
    assert seller.get("list")[0]["open_lots"] == [vase["lot_id"]]
    ending = seller.run("end", "latest").stdout.splitlines()
    assert ending[0].split()[:2] == [made["show_id"], "live"]
    assert ending[1] == "it ends when #2 Vase is over; --now cancels what is open"
    seller.run("end", "latest", "--now")
    wait_until(lambda: seller.get("list")[0]["status"] == "ended", "the show has ended", WITHIN_S)
    assert seller.run("list").stdout == f"{made['show_id']}  ended  Pottery night  3 lots\n"


def test_the_latest_of_several_shows_is_named_and_times_have_their_zone(platform: Platform) -> None:
    seller = Seller(platform, "Severine")
    seller.get("create", "First")
    at = (datetime.now(UTC) + timedelta(days=20)).replace(microsecond=0)
    made = seller.run("create", "Second", "--at", at.isoformat())
    show_id = made.stdout.split()[0]
    said = re.search(r"scheduled at (.*)  Second", made.stdout)
    assert said is not None
    assert datetime.strptime(said[1], "%Y-%m-%d %H:%M %z") == at.replace(second=0)
    queue = seller.run("queue", "latest")
    assert (queue.returncode, queue.stdout) == (0, "")
    assert queue.stderr == f"blytz: latest is {show_id}, Second: the newest of your 2 shows that are not over\n"


def test_a_lot_that_is_over_can_be_run_again(platform: Platform) -> None:
    seller = Seller(platform, "Rerun")
    seller.get("create", "Again", "--lot", "Bowl=500")
    seller.get("start", "latest")
    auction_id = seller.get("next", "latest")[0]["auction_id"]
    command = blytz("bid", auction_id, "500", "--as", "anna", "--data", str(platform.data))
    subprocess.run(command, env=clean_env(), capture_output=True, timeout=WITHIN_S, check=True)
    asyncio.run(HttpClient(platform.url, platform.token("Rerun", "seller")).act(auction_id, "close"))

    def lot() -> dict[str, Any]:
        return seller.get("queue", "latest")[0]

    wait_until(lambda: lot()["status"] == "sold", "the lot is sold", WITHIN_S)
    assert lot()["winner"]["name"] == "anna"
    again = seller.run("rerun", lot()["lot_id"])
    assert again.returncode == 0, again.stderr
    assert (lot()["status"], lot()["run"]) == ("open", 2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("start", "latest"), "you have no show yet: make one with `blytz show create TITLE`"),
        (("start", "shw_none"), "there is no such show"),
        (("rerun", "lot_none"), "there is no such lot"),
        (("create", "X", "--lot", "bowl"), "--lot 'bowl' is not TITLE=PRICE"),
        (("create", "X", "--at", "soon"), "--at 'soon' is not a time like 2026-12-24T18:00"),
        (("create", "X", "--at", "2020-01-02T18:00"), "--at 2020-01-02T18:00 is in the past"),
        (("create", "X", "--at", "2999-01-02"), "--at 2999-01-02 is more than a year ahead"),
        (("create", "X", "--lots", "none.csv"), "there is no file none.csv"),
        (("create", "X", "--lots", "."), "cannot read .: Is a directory"),
        (
            ("create", "X", "--token", "t"),
            "say who calls: --as NAME on a dev platform, else --token; one of the two",
        ),
    ],
)
def test_a_command_that_fails_prints_one_line_with_the_reason(
    platform: Platform, arguments: tuple[str, ...], says: str
) -> None:
    ended = Seller(platform, "Nobody yet").run(*arguments)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert says in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "name,start_price\nBowl,5\n", "no column may be called 'name'; the columns are title, "),
        ("a.csv", "name;start_price\nBowl;5\n", "no column may be called 'name'; the columns are title, "),
        ("a.csv", "title;start_price\nBowl;5;6\n", "line 2: it does not have as many cells as there are columns"),
        ("a.csv", "start_price\n5\n", "it needs a column 'title'"),
        ("a.csv", "title,start_price\nBowl,five\n", "line 2: start_price is a whole number"),
        ("a.csv", "title,start_price\nBowl,5,6\n", "line 2: it does not have as many cells as there are columns"),
        ("a.json", "{}", "is not a JSON list of lots"),
        ("a.json", '[{"title": "Bowl", "terms": {"start_price": 0}}]', "lot 1 of shw_"),
    ],
)
def test_a_file_of_lots_that_cannot_be_read_is_named(
    platform: Platform, tmp_path: Path, name: str, content: str, says: str
) -> None:
    (tmp_path / name).write_text(content)
    ended = Seller(platform, "Csaba").run("create", "X", "--lots", str(tmp_path / name))
    assert ended.returncode == 1
    assert says in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_watch_follows_a_show_with_its_lots_to_its_end(
    platform: Platform, started: list[subprocess.Popen[str]]
) -> None:
    seller = Seller(platform, "Wanda")
    (made,) = seller.get("create", "Watched", "--lot", "Bowl=500")
    seller.get("start", "latest")
    watching = start(started, platform, "watch", made["show_id"], "--json")
    assert watching.stdout is not None
    received: list[dict[str, Any]] = []
    while not any(each["type"] == "snapshot" for each in received):
        received.append(json.loads(watching.stdout.readline()))
    auction_id = seller.get("next", "latest")[0]["auction_id"]
    while not any(each.get("topic") == f"auction:{auction_id}" for each in received):
        received.append(json.loads(watching.stdout.readline()))
    seller.get("end", "latest", "--now")
    out, err = watching.communicate(timeout=WITHIN_S)

    assert (watching.returncode, err) == (0, "")
    received += [json.loads(line) for line in out.splitlines()]
    of_show = [each for each in received if each["type"] == "event" and each["topic"] == f"show:{made['show_id']}"]
    kinds = [each["kind"] for each in of_show]
    assert [kind for kind in kinds if kind != "show_changed"] == ["lot_opened", "lot_closed", "show_ended"]
    seqs = [each["seq"] for each in of_show]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def test_a_whole_demo_show_has_bids_and_chat_and_leaves_the_next_one_scheduled(platform: Platform) -> None:
    command = blytz("demo", "--shows", "1", "--lots", "1", "--lot-seconds", "4", "--data", str(platform.data))
    ended = subprocess.run(command, env=clean_env(), text=True, capture_output=True, timeout=WITHIN_S, check=False)
    assert ended.returncode == 0, ended.stderr

    shows = Seller(platform, "Atelier Demo").get("list")
    assert [show["status"] for show in shows] == ["scheduled", "ended"]
    (lot,) = Seller(platform, "Atelier Demo").get("queue", shows[1]["show_id"])
    assert lot["status"] in {"sold", "unsold"}
    assert lot["price"] > 0
    watching = blytz("watch", shows[1]["show_id"], "--json", "--data", str(platform.data))
    seen = subprocess.run(watching, env=clean_env(), text=True, capture_output=True, timeout=WITHIN_S, check=False)
    snapshot = next(each for each in map(json.loads, seen.stdout.splitlines()) if each["type"] == "snapshot")
    said = [message["text"] for message in snapshot["state"]["messages"]]
    assert len(said) >= 5
    assert any(lot["title"] in text for text in said)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_may_be_separated_as_a_spreadsheet_writes_them(
    platform: Platform, tmp_path: Path, separator: str
) -> None:
    file, seller = tmp_path / "lots.csv", Seller(platform, "Sepp")
    rows = [("title", "start_price", "description"), ("Bowl", "500", '"blue, small; new"')]
    file.write_text("\n".join(separator.join(row) for row in rows))
    (made,) = seller.get("create", "X", "--lots", str(file))
    (lot,) = seller.get("queue", made["show_id"])
    assert (lot["title"], lot["terms"]["start_price"]) == ("Bowl", 500)
    assert lot["description"] == "blue, small; new"
