"""Auctions in Redis: the store, the scripts, the schedule, the event feed and the auditor."""
