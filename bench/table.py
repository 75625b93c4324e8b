"""Prints the rows as a Markdown table, for the terminal and for bench/README.md."""

from bench.rounds import Row

NOISY = 0.15
HEAD = ("figure", "unit", "blytz", "peer", "ratio", "target", "met")


def table(rows: list[Row]) -> str:
    lines = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]

    def line(cells: tuple[str, ...]) -> str:
        ends = [
            cell.ljust(width) if at < 2 or at > 4 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(ends) + " |"

    rule = (
        "|" + "|".join("-" * (width + 1) + (":" if 2 <= at <= 4 else "-") for at, width in enumerate(widths)) + "|"
    )
    notes = [f"- {row.figure}: {row.note}" for row in rows if row.note]
    worst = max((row.noise for row in rows), default=0.0)
    if worst > NOISY:
        notes.append(f"- Not a quiet machine: other work took up to {worst:.0%} of a core. Measure again.")
    return "\n".join([line(HEAD), rule, *(line(_cells(row)) for row in rows), *([""] if notes else []), *notes])


def _cells(row: Row) -> tuple[str, ...]:
    met = "" if row.met is None else "yes" if row.met else "NO"
    return (row.figure, row.unit, _number(row.ours), _number(row.theirs), _number(row.ratio, 2), row.target, met)


def _number(value: float | None, digits: int | None = None) -> str:
    if value is None:
        return "-"
    if digits is None:
        digits = 0 if value >= 1_000 or value == int(value) else 1
    return f"{value:,.{digits}f}"
