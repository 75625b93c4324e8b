"""A show that runs: what its people and its clocks do to it, and what that does to auctions."""
