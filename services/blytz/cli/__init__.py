"""The command line. Each command is a function in a module of its own, imported only when it is the one that runs:
`blytz token` must not wait for the web framework of `blytz serve`."""

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from blytz.cli.serving import SERVICES, start

if TYPE_CHECKING:
    import typer

COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("blytz.cli.commands.up", "Run the whole platform on this machine."),
    "serve": ("blytz.cli.commands.serve", "Run one service in this process, for containers."),
    "migrate": ("blytz.cli.commands.migrate", "Bring the databases to the revision of this version."),
    "gateway": (
        "blytz.cli.commands.gateway",
        "Run the public gateway of a server: nginx, with TLS for your domain.",
    ),
    "token": ("blytz.cli.commands.token", "Print a token for the dev platform, and nothing else."),
    "watch": ("blytz.cli.commands.watch", "Watch a show or an auction live."),
    "show": ("blytz.cli.commands.show", "Make a show and run it."),
    "bid": ("blytz.cli.commands.bid", "Place one bid."),
    "simulate": ("blytz.cli.commands.simulate", "Load a running platform with bidders and viewers."),
    "verify": ("blytz.cli.commands.verify", "Replay an auction's events, compare with Redis."),
    "doctor": (
        "blytz.cli.commands.doctor",
        "Check a deployment: settings, Redis, clock, disk, ports, certificate.",
    ),
    "demo": ("blytz.cli.commands.demo", "Run demo shows, with simulated bidders."),
}
"""Name: the module that has a function of that name, or commands of its own, and its line in `blytz --help`."""

READ_FILES_THEMSELVES = frozenset({"serve", "gateway", "up", "doctor", "migrate"})
"""Commands that read `_FILE` variables themselves, to report their faults together with all others."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point. An error that a person can act on becomes one line on stderr and an exit code, not a
    traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    chosen = _chosen(words)
    for descriptor in range(3):
        # Where one of them is closed (`>&-`), the next file to be opened would take its place, and get our output.
        with contextlib.suppress(OSError):
            os.fstat(descriptor)
            continue
        os.open(os.devnull, os.O_RDWR)
    try:
        if chosen not in READ_FILES_THEMSELVES:
            _take_files()
        if words[:1] == ["serve"] and tuple(words[1:]) in {(service,) for service in SERVICES}:
            start(words[1])
        else:
            _run(_app(chosen), words)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has ended (`blytz verify | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if fault := _usage_fault(error, chosen):
            sys.stderr.write(f"{fault}\n")
            sys.exit(2)
        if not _is_expected(error):
            raise
        sys.stderr.write(f"blytz: {_in_words(error)}\n")
        sys.exit(1)


def _take_files() -> None:
    """`BLYTZ_TOKEN_FILE` and the like, for options that know only variables."""
    if any(
        name.endswith("_FILE") and name.startswith(("BLYTZ_", "REDIS_URL", "DATABASE_URL", "LIVEKIT_"))
        for name in os.environ
    ):
        from blytz.kit.config.environment import take_files

        take_files(os.environ)


def _chosen(words: Sequence[str]) -> str | None:
    return next((word for word in words if not word.startswith("-")), None)


def _app(chosen: str | None) -> "typer.Typer":
    import typer

    app = typer.Typer(
        help="Blytz: live commerce on your own server.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    # With a single command typer would leave its name out.
    app.callback()(lambda: None)
    for name, (module, summary) in COMMANDS.items():
        run: Callable[..., Any] = getattr(import_module(module), name) if name == chosen else _not_chosen
        if isinstance(run, typer.Typer):
            app.add_typer(run, name=name, short_help=summary)
        else:
            app.command(name, short_help=summary)(run)
    return app


def _run(app: "typer.Typer", words: list[str]) -> NoReturn:
    """Ends with SystemExit, or with what the command raises. Typer's own `main` would report a wrong argument in
    four lines, and exit with 1 when the reader of the output has ended."""
    import typer

    command = typer.main.get_command(app)
    try:
        with command.make_context("blytz", words) as context:
            command.invoke(context)
            context.exit()
    except typer.Exit as ended:
        sys.exit(ended.exit_code)


def _not_chosen() -> None:
    """Stands in for the commands that are listed, but not run."""


def _usage_fault(error: Exception, chosen: str | None) -> str | None:
    """One line about arguments that the command does not take; without any arguments, the list of commands. None
    for any other error."""
    from typer.exceptions import TyperException

    if not isinstance(error, TyperException):
        return None
    message = error.format_message()
    if "\n" in message:
        return message
    command = f"blytz {chosen}" if chosen in COMMANDS else "blytz"
    return f"blytz: {message.removesuffix('.').replace('Value error, ', '')}; see `{command} --help`"


def _is_expected(error: Exception) -> bool:
    from blytz.kit.config.fields import SettingsFault
    from blytz.kit.problems import Problem
    from blytz.kit.user_error import UserError

    return isinstance(error, UserError | Problem | SettingsFault | OSError)


def _in_words(error: Exception) -> str:
    """One line; of several faults in the settings, one line each below it."""
    from blytz.kit.config.fields import SettingsFault

    lines = str(error).split("\n")
    if isinstance(error, SettingsFault) and len(lines) > 1:
        return "\n  ".join(["the settings cannot be used:", *lines])
    return "; ".join(lines) or type(error).__name__
