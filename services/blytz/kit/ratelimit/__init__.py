"""Rate limits per user, shared by all processes."""
