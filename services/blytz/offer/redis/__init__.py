"""Offers in Redis: the store, its scripts, and what passes purchases on to `sales`."""
