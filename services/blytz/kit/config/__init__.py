"""Settings: what they are, what is checked, how they are read."""
