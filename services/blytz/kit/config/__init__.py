"""Settings: their definitions, their checks, and how they are read."""
