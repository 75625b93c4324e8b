"""Reads the settings of a service from its environment, once, at start."""

import os
from collections.abc import Mapping

from blytz.kit.config import checks
from blytz.kit.config.fields import SettingsFault, read_fields
from blytz.kit.config.model import Settings, variable


def read_settings(environ: Mapping[str, str] | None = None, *, signs_in: bool = False) -> Settings:
    """Of the process's own environment unless another is given; `signs_in` for who must know whose tokens to
    parse_state. Raises `SettingsFault` with all that is wrong."""
    given = os.environ if environ is None else environ
    read = read_fields(Settings, given, variable, checks.CHECKS)
    settings = Settings(**read.values)
    faults = [*read.faults, *checks.faults(settings, variable, read.broken, signs_in=signs_in)]
    if faults:
        raise SettingsFault("\n".join(faults))
    return settings
