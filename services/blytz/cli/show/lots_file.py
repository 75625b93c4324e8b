"""Lots as a seller writes them down: on the command line, in a CSV file, in a JSON file."""

import csv
from pathlib import Path
from typing import Any, Final

import msgspec

from blytz.auction.model import Terms
from blytz.kit.user_error import UserError
from blytz.show.model import MAX_LOTS

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
NUMBERS: Final = ("start_price", "reserve_price", "buy_now_price", "duration_ms", "extension_window_ms",
                  "extension_ms", "max_total_ms", "quantity")  # fmt: skip
COLUMNS: Final = ("title", "description", "condition", "currency", "ending", *NUMBERS)
"""Of a CSV file; an empty cell takes the default."""
SEPARATORS: Final = ",;\t"
"""A spreadsheet writes a semicolon where a comma begins the decimals of a number."""
Lot = dict[str, Any]


def lot_of(text: str) -> Lot:
    """`TITLE=PRICE`, the start price in minor units."""
    title, _, price = text.rpartition("=")
    if not title.strip() or not price.strip().isdecimal():
        raise UserError(f"--lot {text!r} is not TITLE=PRICE, with the start price in minor units: 'Tea bowl=500'")
    return {"title": title.strip(), "terms": {"start_price": int(price)}}


def lots_in(file: Path) -> list[Lot]:
    """Raises UserError with the line or the reason."""
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise UserError(f"{file} is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
        text = file.read_text("utf-8-sig", errors="replace")
    except FileNotFoundError:
        raise UserError(f"there is no file {file}") from None
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}") from error
    lots = _of_json(file, text) if file.suffix == ".json" else _of_csv(file, text)
    if len(lots) > MAX_LOTS:
        raise UserError(f"{file} has {len(lots)} lots; a show has at most {MAX_LOTS}")
    return lots


def _of_json(file: Path, text: str) -> list[Lot]:
    try:
        return msgspec.json.decode(text, type=list[Lot])
    except msgspec.MsgspecError as error:
        raise UserError(f"{file} is not a JSON list of lots: {error}") from error


def _of_csv(file: Path, text: str) -> list[Lot]:
    lines = text.splitlines()
    rows = csv.DictReader(lines, delimiter=_separator(lines[0] if lines else ""))
    strange = [name for name in rows.fieldnames or () if name not in COLUMNS]
    if strange or "title" not in (rows.fieldnames or ()):
        what = f"no column may be called {strange[0]!r}" if strange else "it needs a column 'title'"
        raise UserError(f"{file}: {what}; the columns are {', '.join(COLUMNS)}")
    return [_of_row(f"{file}, line {rows.line_num}", row) for row in rows]


def _separator(header: str) -> str:
    """The one that the header uses most, in the order of `SEPARATORS`: no name of a column has one in it."""
    return max(SEPARATORS, key=header.count)


def _of_row(where: str, row: dict[str, str]) -> Lot:
    lot: Lot = {"terms": {}}
    for name, cell in row.items():
        if name is None or not isinstance(cell, str):
            raise UserError(f"{where}: it does not have as many cells as there are columns")
        value = cell.strip()
        if not value:
            continue
        if name in NUMBERS and not value.isdecimal():
            raise UserError(f"{where}: {name} is a whole number (money in minor units), not {value!r}")
        of = lot["terms"] if name in Terms.__struct_fields__ else lot
        of[name] = int(value) if name in NUMBERS else value
    return lot
