"""A full disk stops bids only for as long as it is full."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.platform import Platform
from tests.support.wait import wait_until

SIZE_MIB = 24
BIDS_AGAIN_WITHIN_S = 5.0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "blytz-test"]
    if subprocess.run(["mount", *options, str(disk)], capture_output=True, check=False).returncode:
        pytest.skip("mounting a tmpfs needs rights that this user does not have")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture
def full(small_disk: Path) -> Iterator[Platform]:
    """A platform with its data folder and log on the small disk."""
    running = Platform(data=small_disk / "data", log=small_disk / "up.log")
    yield running
    running.close()


class Seller:
    """One open auction, and a bidder on it."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._http = httpx.Client(base_url=f"{platform.url}/auction/v1", timeout=10)
        self._bidder = {"Authorization": f"Bearer {platform.token('bob')}"}
        made = self._http.post(
            "/auctions",
            json={"title": "A lamp", "terms": {"duration_ms": 3_600_000}},
            headers={"Authorization": f"Bearer {platform.token('anna', 'seller')}"},
        )
        self._id = made.raise_for_status().json()["auction_id"]
        self.accepted: list[int] = []
        self._next = 1_000

    def bid(self) -> bool:
        amount, self._next = self._next, self._next + 1_000
        is_accepted = self.send(amount)
        if is_accepted:
            self.accepted.append(amount)
        return is_accepted

    def send(self, amount: int) -> bool:
        """Sends the same bid for the same amount, so that a recorded one is accepted again."""
        body = {"bid_id": f"b{amount}", "amount": amount, "kind": "max"}
        return self._http.post(f"/auctions/{self._id}/bids", json=body, headers=self._bidder).is_success

    def close(self) -> None:
        self._http.close()


def fill(disk: Path) -> Path:
    """Fills the disk; removing the file makes space again."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 65_536)
    return ballast


@pytest.mark.alone
def test_bids_are_accepted_within_5_s_after_a_full_disk_has_space_again(full: Platform, small_disk: Path) -> None:
    with contextlib.closing(Seller(full)) as seller:
        _fill_and_free(full, small_disk, seller)


def _fill_and_free(full: Platform, small_disk: Path, seller: Seller) -> None:
    assert seller.bid()
    redis = full.pids["redis"]
    ballast = fill(small_disk)
    wait_until(lambda: not seller.bid(), "bids are refused", 10)
    wait_until(lambda: not Path(f"/proc/{redis}").exists(), "Redis has ended", 10)
    # A service that is restarted while the disk is full must also come back.
    hammer = full.kill("hammer")
    wait_until(lambda: not Path(f"/proc/{hammer}").exists(), "the hammer has ended")
    started = time.monotonic()
    wait_until(lambda: time.monotonic() - started > 3 and not seller.bid(), "the disk stays full for a while", 10)

    ballast.unlink()
    freed_at = time.monotonic()
    wait_until(seller.bid, "a bid is accepted", 20)
    took_s = time.monotonic() - freed_at
    full.wait_until_back("hammer", hammer)
    print(f"bids are accepted {took_s:.2f} s after there is room")
    assert took_s < BIDS_AGAIN_WITHIN_S
    for amount in seller.accepted:
        wait_until(lambda amount=amount: seller.send(amount), "an accepted bid is still known")  # type: ignore[misc]
    wait_until(lambda: "redis ended with exit code 1" in full.log(), "the log says what happened meanwhile")
    assert full.process.poll() is None
    assert full.pids["hammer"] != hammer
