"""What the demo sells: between them, the lots show every kind of terms."""

from typing import Any, Final

from msgspec import Struct

from blytz.simulate.pictures import Colour, picture

SECONDS: Final = 24
"""With a few extensions and the pause after it, a lot takes half a minute."""
LOT_TERMS: Final[dict[str, Any]] = {"extension_window_ms": 4_000, "extension_ms": 4_000}


class Lot(Struct, frozen=True):
    """`worth` is about what people would pay, in minor units: limits are drawn around it. `remark` is what
    somebody says of it."""

    title: str
    worth: int
    shape: str
    colour: Colour
    remark: str
    condition: str
    terms: dict[str, Any]

    def picture(self) -> bytes:
        return picture(self.shape, self.colour, GROUNDS[len(self.title) % len(GROUNDS)])


GROUNDS: Final[tuple[Colour, ...]] = ((226, 214, 200), (205, 220, 222), (232, 220, 178), (222, 208, 222))


def _lot(
    title: str, worth: int, shape: str, colour: Colour, remark: str, condition: str = "used, good", **terms: Any
) -> Lot:
    return Lot(title, worth, shape, colour, remark, condition, {**LOT_TERMS, **terms})


_CELADON, _RUST, _NAVY, _OCHRE, _PLUM, _BRONZE, _CRIMSON, _SLATE = (
    (134, 168, 140), (182, 84, 52), (44, 62, 104), (204, 150, 54), (118, 62, 96), (140, 106, 66), (120, 36, 36),
    (96, 112, 132),
)  # fmt: skip

LOTS: Final = (
    _lot("Hand-thrown tea bowl, celadon glaze", 6_500, "bowl", _CELADON, "that glaze!", "new", start_price=500),
    _lot(
        "Leica M3 camera, 1957, serviced",
        145_000,
        "camera",
        _CRIMSON,
        "my grandfather had this one",
        start_price=40_000,
        reserve_price=110_000,
    ),
    _lot(
        "Box of forty jazz records, unsorted",
        9_000,
        "record",
        _OCHRE,
        "any Coltrane in there?",
        start_price=400,
        ending="sudden_death",
    ),
    _lot(
        "Walnut desk lamp with linen shade",
        12_000,
        "lamp",
        _BRONZE,
        "warm light, I can tell",
        start_price=2_000,
        buy_now_price=12_500,
    ),
    _lot(
        "Sealed first-edition booster box",
        52_000,
        "box",
        _PLUM,
        "do not open it, ever",
        "new, sealed",
        start_price=10_000,
        increments=[[0, 1_000]],
    ),
    _lot(
        "Hermès silk scarf, boxed",
        24_000,
        "cloth",
        _RUST,
        "the colours are even better in daylight",
        currency="EUR",
        start_price=5_000,
        reserve_price=20_000,
    ),
    _lot(
        "Mystery crate: one pallet return",
        4_000,
        "box",
        _NAVY,
        "could be anything",
        "unknown",
        start_price=100,
        ending="sudden_death",
    ),
    _lot(
        "Seiko diver 6105, original bracelet",
        98_000,
        "watch",
        _SLATE,
        "original bracelet, you never see that",
        start_price=30_000,
        reserve_price=115_000,
    ),
    _lot(
        "Moroccan rug, hand-knotted",
        70_000,
        "cloth",
        _OCHRE,
        "how big is it? two by three metres, nice",
        start_price=15_000,
    ),
    _lot(
        "Signed rookie card, graded 9",
        33_000,
        "card",
        _NAVY,
        "a nine? show us the corners",
        "graded 9",
        start_price=1_000,
        buy_now_price=33_500,
    ),
    _lot(
        "Kyoto kitchen knife, 210 mm",
        28_000,
        "knife",
        _CRIMSON,
        "is it left-handed?",
        "new",
        currency="JPY",
        start_price=8_000,
        increments=[[0, 500]],
    ),
    _lot("Vintage denim jacket, 1970s", 11_000, "cloth", _NAVY, "that fade is perfect", start_price=1_500),
    _lot(
        "Stoneware vase with ash glaze",
        8_500,
        "vase",
        _BRONZE,
        "this one is going on my shelf",
        "new",
        start_price=900,
    ),
    _lot(
        "Polaroid SX-70, tested",
        21_000,
        "camera",
        _RUST,
        "does film still exist for it? it does",
        start_price=3_000,
    ),
    _lot(
        "First pressing, Kind of Blue",
        26_000,
        "record",
        _NAVY,
        "six-eye label?",
        start_price=4_000,
        reserve_price=18_000,
    ),
    _lot("Brass ship's lamp, rewired", 16_000, "lamp", _OCHRE, "heavy, in a good way", start_price=2_500),
    _lot("Set of six espresso cups", 5_500, "bowl", _RUST, "six is exactly what I need", "new", start_price=400),
    _lot("Steel dress watch, hand-wound, 1964", 42_000, "watch", _BRONZE, "thin as a coin", start_price=9_000),
    _lot(
        "Holographic starter card, 1999",
        58_000,
        "card",
        _RUST,
        "I traded mine for a sandwich, I was eight",
        "lightly played",
        start_price=8_000,
        reserve_price=62_000,
    ),
    _lot(
        "Indigo wall hanging, block-printed",
        9_500,
        "cloth",
        _PLUM,
        "is that hand-printed? looks like it",
        start_price=1_000,
        buy_now_price=11_000,
    ),
    _lot("Damascus paring knife", 13_500, "knife", _BRONZE, "look at that pattern", "new", start_price=1_500),
    _lot("Blue-and-white ginger jar", 19_000, "vase", _NAVY, "any mark on the base?", start_price=2_000),
    _lot(
        "Unopened toy robot, tin, boxed",
        17_500,
        "box",
        _OCHRE,
        "with the box! nobody kept the box",
        "new, boxed",
        start_price=2_000,
    ),
    _lot(
        "Signed exhibition poster, framed",
        14_500,
        "card",
        _PLUM,
        "framed already, easy",
        start_price=1_200,
        ending="sudden_death",
    ),
)
"""Each of its own title, by which its worth is found again."""
WORTHS: Final = {lot.title: lot.worth for lot in LOTS}
