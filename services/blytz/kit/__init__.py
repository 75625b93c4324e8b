"""Pieces that every service shares and that know nothing of auctions."""
