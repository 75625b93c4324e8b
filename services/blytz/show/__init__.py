"""Shows: a seller's catalogue of lots and the order in which they come up (protocol, sections 7 to 9)."""
