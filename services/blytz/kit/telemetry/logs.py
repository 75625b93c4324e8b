"""One structured line per thing that happened: JSON for machines, colour for people. No token, no ceiling.

What is written rarely comes from structlog, and from the libraries' `logging`; what is written for every bid and
request from `lines` (kit/telemetry/log_lines.py). All of it has one form and leaves through one sink.
"""

import logging
import sys
from typing import Final, Literal, TextIO, cast

import structlog

from blytz.kit.telemetry.log_lines import Lines
from blytz.kit.telemetry.log_sink import Sink

lines: Final = Lines()
"""Those of this process; silent until `set_up_logs`."""


def set_up_logs(
    style: Literal["auto", "json", "console"], service: str, *, requests: bool = False, decisions: float = 0.0
) -> None:
    """`auto` is JSON unless a person watches the terminal. Libraries that use `logging` end up here too. A person
    is spared the lines for each of the `requests` and for the share of `decisions`: they are for machines."""
    as_json = style == "json" or (style == "auto" and not sys.stderr.isatty())
    sink = Sink()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True) if as_json else _short_time,
    ]
    if as_json:
        shared += [_named(service), structlog.processors.format_exc_info]
        lines.open(sink, service, requests=requests, decisions=decisions)
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        # Rich tracebacks print local variables, and a token could be one of them.
        else structlog.dev.ConsoleRenderer(pad_event_to=24, exception_formatter=structlog.dev.plain_traceback)
    )
    file = cast("TextIO", sink)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(file)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=render, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)


def _named(service: str) -> structlog.typing.Processor:
    def name(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["service"] = service
        return event

    return name


_short_time = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
