"""All that Redis and SQL hold of a show and its auctions, read without the code that wrote it."""

import contextlib
import json
import sqlite3
import subprocess
from collections import Counter
from typing import Any, Final

import msgspec
import redis

from blytz.auction.model import Event
from blytz.auction.redis import audit
from blytz.auction.redis.keys import SALES
from blytz.show.redis.keys import keys_of
from tests.support.platform import Platform, blytz, clean_env

VERIFIED_WITHIN_S: Final = 300
Json = dict[str, Any]


class ShowRecords:
    """Read anew with each call."""

    def __init__(self, platform: Platform, show_id: str) -> None:
        self._platform = platform
        self._show_id = show_id

    def events(self) -> list[Json]:
        """The public part of each event in the log of the show; its stream holds the last 10,000."""
        return [json.loads(public) for _, public, _ in self._events()]

    def archived_events_differ(self) -> bool:
        rows = "SELECT seq, public, private FROM show_events WHERE show_id = ? ORDER BY epoch, seq"
        archived = [tuple(row) for row in self._select("show", rows, self._show_id)]
        return archived != self._events()

    def runs(self) -> list[Json]:
        """Those of all lots, in SQL, in the order in which they were opened."""
        return [
            dict(row)
            for row in self._select("show", "SELECT * FROM runs WHERE show_id = ? ORDER BY id", self._show_id)
        ]

    def archived(self) -> int:
        """How many auctions the archive has."""
        return len(self._select("auction", "SELECT auction_id FROM auctions"))

    def undone(self) -> int:
        """Intents that nobody has carried out."""
        return len(self._select("show", "SELECT id FROM intents WHERE show_id = ?", self._show_id))

    def sales(self) -> Counter[tuple[str, str]]:
        """How often `sales` has an auction and its outcome."""
        with self._redis() as store:
            entries: Any = store.xrange(SALES)
        return Counter(
            (fields[b"auction_id"].decode(), json.loads(fields[b"event"])["kind"]) for _, fields in entries
        )

    def logs(self) -> dict[str, list[Event]]:
        """Every auction's, out of Redis, with the private parts."""
        with self._redis() as store:
            records = [audit.read(store, auction_id) for auction_id in audit.auction_ids(store)]
        decode = msgspec.json.Decoder(Json).decode
        return {
            record.auction_id: [Event(decode(entry.public), decode(entry.private)) for entry in record.log]
            for record in records
            if record is not None
        }

    def verified(self) -> tuple[dict[str, Json], dict[str, Json]]:
        """What `blytz verify` says of each auction in Redis, and of each in the archive."""
        done = subprocess.run(
            blytz("verify", "--all", "--json", "--data", str(self._platform.data)),
            env=clean_env(),
            capture_output=True,
            text=True,
            timeout=VERIFIED_WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found: tuple[dict[str, Json], dict[str, Json]] = {}, {}
        for line in done.stdout.splitlines():
            report = json.loads(line)
            found[report.pop("archived", False)][report["auction_id"]] = report
        return found

    def _events(self) -> list[tuple[int, str, str]]:
        with self._redis() as store:
            entries: Any = store.xrange(keys_of(self._show_id).events)
        return [
            (int(entry_id.partition(b"-")[0]), fields[b"public"].decode(), fields[b"private"].decode())
            for entry_id, fields in entries
        ]

    def _redis(self) -> redis.Redis:
        return redis.Redis.from_url(self._platform.redis_url)

    def _select(self, noun: str, query: str, *values: str) -> list[sqlite3.Row]:
        file = f"file:{self._platform.data / noun}.sqlite?mode=ro"
        with contextlib.closing(sqlite3.connect(file, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, values).fetchall()
