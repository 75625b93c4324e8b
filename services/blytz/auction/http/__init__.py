"""The HTTP calls of the auction service."""
