"""Variables that do not configure a process of the platform: those of commands, scripts, tests and other programs.
Also finds variables of the environment that no program reads."""

import os
from collections.abc import Mapping, MutableMapping
from difflib import get_close_matches
from typing import Final

import msgspec
from msgspec import Struct

from blytz.kit.config.fields import FROM_FILE, SettingsFault, one_text
from blytz.kit.config.gateway import GatewaySettings, gateway_variable
from blytz.kit.config.model import PREFIX, Settings, variable

REDIS_URL_OF_ADMIN: Final = "BLYTZ_ADMIN_REDIS_URL"


class OtherVariable(Struct, frozen=True):
    """With `from_file` its value may also come from a file, by `<NAME>_FILE`."""

    name: str
    read_by: str
    meaning: str
    from_file: bool = False


OTHER_VARIABLES: Final = (
    OtherVariable(
        "BLYTZ_URL",
        "`blytz watch`, `bid`, `simulate`, `demo`; k6",
        "The address of the platform; the same as `--url`.",
        from_file=True,
    ),
    OtherVariable(
        "BLYTZ_TOKEN", "`blytz bid`", "Secret: the token of the bidder; the same as `--token`.", from_file=True
    ),
    OtherVariable(
        REDIS_URL_OF_ADMIN,
        "`blytz doctor`",
        "Secret: Redis address of a user with CONFIG and ACL; the same as `--admin-url`. No service needs it.",
        from_file=True,
    ),
    OtherVariable(
        "BLYTZ_ACME_SERVER",
        "`infra/tls/issue.sh`",
        "Another certificate authority than Let's Encrypt, such as its staging one for a first try.",
    ),
    OtherVariable("BLYTZ_SECONDS", "`infra/k6-bid-test.js`", "How long k6 bids, in seconds; 20."),
    OtherVariable(
        "BLYTZ_PACE_MS", "`infra/k6-bid-test.js`", "Time between two bids of one bidder of k6, in ms; 500."
    ),
    OtherVariable("BLYTZ_SOAK_CYCLES", "`make soak`", "How often the long tests kill and freeze a process; 200."),
    OtherVariable("BLYTZ_SOAK_SEED", "`make soak`", "Seed of the random choices, to repeat a run."),
    OtherVariable("BLYTZ_LUA", "the Go peer of `make bench`", "Folder of the Lua scripts; set by the bench."),
    OtherVariable("NO_COLOR", "every command", "With any value: no colours in the terminal (no-color.org)."),
    OtherVariable(
        "PATH", "`blytz up`, `gateway`", "Where `redis-server` and `nginx` are searched, then in `/usr/sbin`."
    ),
    OtherVariable(
        "XDG_RUNTIME_DIR",
        "`blytz up`",
        "Folder for the socket of its Redis when the path of the data folder is too long for a socket.",
    ),
    OtherVariable("TMPDIR", "`blytz up`", "The same where `XDG_RUNTIME_DIR` is not set."),
    OtherVariable("PYTHON", "`make`", "The Python of a new `.venv`."),
    OtherVariable("RENEWED_LINEAGE", "`infra/tls/deploy.sh`", "Folder of the new certificate; set by certbot."),
    OtherVariable("HYPOTHESIS_PROFILE", "`make test`", "How many examples generated tests try."),
)


class Unread(Struct, frozen=True):
    """A variable with our prefix that no program reads; `near` is the one that was probably meant, or empty."""

    name: str
    near: str

    def __str__(self) -> str:
        return f"{self.name} is not a setting" + (f"; did you mean {self.near}?" if self.near else "")


def known() -> frozenset[str]:
    """The names of all variables that a program reads, `_FILE` ones included."""
    settings = {variable(field.name) for field in msgspec.structs.fields(Settings)}
    settings |= {gateway_variable(field.name) for field in msgspec.structs.fields(GatewaySettings)}
    settings |= {each.name for each in OTHER_VARIABLES if each.from_file}
    return frozenset(
        {*settings, *(name + FROM_FILE for name in settings), *(each.name for each in OTHER_VARIABLES)}
    )


def unread(environ: Mapping[str, str] | None = None) -> list[Unread]:
    """Variables with our prefix that no program reads: most often misspelt."""
    names = known()
    strange = sorted(
        name
        for name in (os.environ if environ is None else environ)
        if name.startswith((PREFIX, "REDIS_URL", "DATABASE_URL", "LIVEKIT_URL", "LIVEKIT_API_"))
        and name not in names
    )
    return [Unread(name, _near(name, names)) for name in strange]


def _near(name: str, names: frozenset[str]) -> str:
    without = name.upper().removeprefix(PREFIX)
    if without in names:
        return without
    return next(iter(get_close_matches(name.upper(), sorted(names), 1, 0.75)), "")


def take_files(environ: MutableMapping[str, str]) -> None:
    """Replace each `<NAME>_FILE` by `<NAME>` with the content of the file, for commands whose options read the
    variables themselves. Raises `SettingsFault` with all faults, and changes nothing then."""
    faults: list[str] = []
    values: dict[str, str] = {}
    for name in sorted(known()):
        if name.endswith(FROM_FILE) and name in environ:
            plain = name.removesuffix(FROM_FILE)
            try:
                values[plain] = one_text(environ, plain) or ""
            except SettingsFault as fault:
                faults.append(str(fault))
    if faults:
        raise SettingsFault("\n".join(faults))
    for plain, value in values.items():
        environ[plain] = value
        del environ[plain + FROM_FILE]
