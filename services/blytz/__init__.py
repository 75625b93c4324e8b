"""Blytz: live auctions on video, decided in Redis, shown to everyone at once."""

__version__ = "0.1.0"
