"""The chat of a show: what may be said in it."""
