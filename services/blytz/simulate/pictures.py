"""Pictures of the demo's lots, drawn as flat shapes: PNG files of a few hundred bytes."""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

WIDTH: Final = 480
HEIGHT: Final = 360
Colour = tuple[int, int, int]
INK: Final[Colour] = (41, 37, 36)
PAPER: Final[Colour] = (250, 248, 245)
METAL: Final[Colour] = (176, 181, 189)


class Canvas:
    """Pixels of at most 256 colours. Places are in pixels from the upper left corner; what lies outside is cut."""

    def __init__(self, ground: Colour) -> None:
        self._palette = [ground]
        self._rows = [bytearray(WIDTH) for _ in range(HEIGHT)]

    def box(self, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
        self._fill(((y, left, right) for y in range(top, bottom)), colour)

    def oval(self, x: int, y: int, half_width: int, half_height: int, colour: Colour) -> None:
        def spans() -> Iterator[tuple[int, int, int]]:
            for row in range(-half_height, half_height + 1):
                reach = round(half_width * max(0.0, 1 - (row / half_height) ** 2) ** 0.5)
                yield y + row, x - reach, x + reach

        self._fill(spans(), colour)

    def wedge(self, x: int, top: int, half_top: int, bottom: int, half_bottom: int, colour: Colour) -> None:
        """Symmetric about `x`, as wide at the top and at the bottom as these halves say."""

        def spans() -> Iterator[tuple[int, int, int]]:
            for row in range(top, bottom):
                half = half_top + (half_bottom - half_top) * (row - top) // (bottom - top)
                yield row, x - half, x + half

        self._fill(spans(), colour)

    def _fill(self, spans: Iterator[tuple[int, int, int]], colour: Colour) -> None:
        if colour not in self._palette:
            self._palette.append(colour)
        index = self._palette.index(colour)
        for y, left, right in spans:
            start, end = max(0, left), min(WIDTH, right)
            if 0 <= y < HEIGHT and start < end:
                self._rows[y][start:end] = bytes([index]) * (end - start)

    def png(self) -> bytes:
        """As the PNG specification (ISO/IEC 15948) has it: one byte for each pixel, no filter."""
        pixels = zlib.compress(b"".join(b"\0" + row for row in self._rows))
        header = struct.pack(">2I5B", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
        palette = b"".join(bytes(colour) for colour in self._palette)
        chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", pixels), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _bowl(on: Canvas, colour: Colour) -> None:
    on.wedge(240, 150, 150, 270, 60, colour)
    on.oval(240, 150, 150, 30, PAPER)
    on.oval(240, 152, 134, 22, INK)
    on.box(190, 268, 290, 284, colour)


def _camera(on: Canvas, colour: Colour) -> None:
    on.box(170, 90, 310, 130, METAL)
    on.box(100, 120, 380, 270, colour)
    on.box(100, 120, 380, 150, METAL)
    for radius, shade in ((70, INK), (54, METAL), (42, INK), (14, PAPER)):
        on.oval(240, 205, radius, radius, shade)


def _record(on: Canvas, colour: Colour) -> None:
    for radius, shade in ((150, INK), (112, (64, 58, 56)), (108, INK), (56, colour), (8, PAPER)):
        on.oval(240, 180, radius, radius, shade)


def _lamp(on: Canvas, colour: Colour) -> None:
    on.wedge(240, 60, 60, 180, 120, PAPER)
    on.box(232, 180, 248, 290, colour)
    on.oval(240, 292, 80, 16, colour)


def _box(on: Canvas, colour: Colour) -> None:
    on.box(130, 110, 350, 280, colour)
    on.wedge(240, 80, 90, 110, 110, PAPER)
    on.box(222, 80, 258, 280, INK)


def _cloth(on: Canvas, colour: Colour) -> None:
    on.box(120, 70, 360, 290, colour)
    on.box(140, 90, 340, 270, PAPER)
    on.oval(240, 180, 74, 74, colour)
    on.oval(240, 180, 40, 40, PAPER)


def _watch(on: Canvas, colour: Colour) -> None:
    on.box(200, 30, 280, 330, colour)
    on.oval(240, 180, 92, 92, METAL)
    on.oval(240, 180, 76, 76, INK)
    on.box(236, 124, 244, 184, PAPER)
    on.box(236, 178, 286, 186, PAPER)


def _card(on: Canvas, colour: Colour) -> None:
    on.box(150, 50, 330, 310, PAPER)
    on.box(166, 66, 314, 220, colour)
    on.oval(240, 130, 34, 34, PAPER)
    on.wedge(240, 168, 24, 220, 60, PAPER)
    on.box(166, 240, 314, 256, INK)


def _knife(on: Canvas, colour: Colour) -> None:
    on.box(70, 160, 300, 210, METAL)
    on.box(70, 160, 300, 172, PAPER)
    on.box(300, 156, 320, 214, INK)
    on.box(320, 164, 420, 206, colour)


def _vase(on: Canvas, colour: Colour) -> None:
    on.oval(240, 220, 92, 90, colour)
    on.wedge(240, 70, 54, 150, 30, colour)
    on.oval(240, 70, 54, 12, INK)
    on.oval(210, 200, 16, 34, PAPER)


SHAPES: Final[dict[str, Callable[[Canvas, Colour], None]]] = {
    "bowl": _bowl,
    "camera": _camera,
    "record": _record,
    "lamp": _lamp,
    "box": _box,
    "cloth": _cloth,
    "watch": _watch,
    "card": _card,
    "knife": _knife,
    "vase": _vase,
}


def picture(shape: str, colour: Colour, ground: Colour) -> bytes:
    """A PNG file."""
    canvas = Canvas(ground)
    canvas.oval(WIDTH // 2, 300, 190, 22, tuple(max(0, part - 26) for part in ground))  # type: ignore[arg-type]
    SHAPES[shape](canvas, colour)
    return canvas.png()
