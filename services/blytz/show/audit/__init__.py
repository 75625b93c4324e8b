"""Reading the audit trail of a show. What is written: `show/acts.py`, `show/sql/acts.py`."""
