"""What shows have in Redis."""
