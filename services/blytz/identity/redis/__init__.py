"""Bans and revocations in Redis."""
