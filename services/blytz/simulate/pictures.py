"""Pictures of the demo's lots, drawn as flat shapes: PNG files of a few kilobytes."""

from collections.abc import Callable
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw

WIDTH: Final = 480
HEIGHT: Final = 360
Colour = tuple[int, int, int]
INK: Final[Colour] = (41, 37, 36)
PAPER: Final[Colour] = (250, 248, 245)
METAL: Final[Colour] = (176, 181, 189)


class Canvas:
    """Places are in pixels from the upper left corner."""

    def __init__(self, ground: Colour) -> None:
        self._image = Image.new("RGB", (WIDTH, HEIGHT), ground)
        self._draw = ImageDraw.Draw(self._image)

    def box(self, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
        self._draw.rectangle((left, top, right, bottom), colour)

    def oval(self, x: int, y: int, half_width: int, half_height: int, colour: Colour) -> None:
        self._draw.ellipse((x - half_width, y - half_height, x + half_width, y + half_height), colour)

    def wedge(self, x: int, top: int, half_top: int, bottom: int, half_bottom: int, colour: Colour) -> None:
        """Symmetric about `x`, as wide at the top and at the bottom as these halves say."""
        corners = [(x - half_top, top), (x + half_top, top), (x + half_bottom, bottom), (x - half_bottom, bottom)]
        self._draw.polygon(corners, colour)

    def png(self) -> bytes:
        file = BytesIO()
        self._image.save(file, "PNG")
        return file.getvalue()


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
    red, green, blue = ground
    canvas.oval(WIDTH // 2, 300, 190, 22, (red - 26, green - 26, blue - 26))
    SHAPES[shape](canvas, colour)
    return canvas.png()
