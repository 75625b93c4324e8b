"""Named terms that a seller starts a lot with."""
