"""The HTTP calls of identity, and the guards that every service puts in front of its own."""
