"""Sellers that a user follows, and shows that a user has bookmarked."""
