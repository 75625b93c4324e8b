"""SQL databases (decision 0008): SQLite files by default, PostgreSQL by `DATABASE_URL`."""
