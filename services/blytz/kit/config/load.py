"""Reads the settings of a service from its environment, once, at start."""

import os
from collections.abc import Mapping

from blytz.kit.config import checks
from blytz.kit.config.fields import SettingsFault, read_fields
from blytz.kit.config.model import Settings, variable


def read_settings(environ: Mapping[str, str] | None = None, *, signs_in: bool = False) -> Settings:
    """From the environment of this process unless another is given. With `signs_in`, a token issuer is required.
    Raises `SettingsFault` with all faults."""
    given = os.environ if environ is None else environ
    read = read_fields(Settings, given, variable, checks.CHECKS)
    settings = Settings(**read.values)
    faults = [*read.faults, *checks.faults(settings, variable, read.broken, signs_in=signs_in)]
    if faults:
        raise SettingsFault("\n".join(faults))
    return settings
