"""Bounds the database connections of a process: so many pieces of work at once, and no more."""
