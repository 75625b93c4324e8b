"""An error that a person at the terminal can act on."""


class UserError(Exception):
    """One line for a person: what is wrong, and what to do about it. It ends a command with exit code 1, without a
    traceback."""
