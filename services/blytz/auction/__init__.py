"""Bidding: what an auction is, what a bid does to it, and where both are kept."""
