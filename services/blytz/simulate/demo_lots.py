"""What the demo sells: between them, the lots show every kind of terms."""

from typing import Any, Final

from msgspec import Struct


class Lot(Struct, frozen=True):
    """`worth` is about what people would pay, in minor units: limits are drawn around it."""

    title: str
    worth: int
    seconds: int
    terms: dict[str, Any]


def _lot(title: str, worth: int, seconds: int = 40, **terms: Any) -> Lot:
    return Lot(title, worth, seconds, terms)


LOTS: Final = (
    _lot("Hand-thrown tea bowl, celadon glaze", 6_500, 35, start_price=500),
    _lot("Leica M3 camera, 1957, serviced", 145_000, 50, start_price=40_000, reserve_price=110_000),
    _lot("Box of forty jazz records, unsorted", 9_000, 30, start_price=100, ending="sudden_death"),
    _lot("Walnut desk lamp with linen shade", 12_000, 40, start_price=2_000, buy_now_price=12_500),
    _lot("Sealed first-edition booster box", 52_000, 45, start_price=10_000, increments=[[0, 1_000]]),
    _lot("Hermès silk scarf, boxed", 24_000, 40, currency="EUR", start_price=5_000, reserve_price=20_000),
    _lot("Mystery crate: one pallet return", 4_000, 30, start_price=100, ending="sudden_death"),
    _lot("Seiko diver 6105, original bracelet", 98_000, 50, start_price=30_000, reserve_price=115_000),
    _lot("Moroccan rug, hand-knotted, 2 × 3 m", 70_000, 45, start_price=15_000, max_total_ms=75_000),  # noqa: RUF001
    _lot("Signed rookie card, graded 9", 33_000, 40, start_price=1_000, buy_now_price=33_500),
    _lot("Kyoto kitchen knife, 210 mm", 28_000, 40, currency="JPY", start_price=8_000, increments=[[0, 500]]),
    _lot("Vintage denim jacket, 1970s", 11_000, 35, start_price=1_500),
)
