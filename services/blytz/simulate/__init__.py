"""Simulated bidders and viewers: for load, for the demo and for tests."""
