"""Progress in one SQLite file."""
