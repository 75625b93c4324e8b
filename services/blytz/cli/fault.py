"""How a command says that it cannot go on."""


class CliFault(Exception):
    """One line for a person: what is wrong, and what to do about it. Ends the command with exit code 1."""
