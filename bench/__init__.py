"""Measures Blytz beside a Go peer in one run: `python -m bench` (bench/README.md)."""
