"""One file a demo, found by scanning this folder."""
