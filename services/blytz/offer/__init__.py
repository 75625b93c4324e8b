"""Selling at a fixed price: so many units, first come, first served, for a while perhaps at a lower price."""
