"""Wiring, one short file per process: the only place that knows which adapter is used."""
