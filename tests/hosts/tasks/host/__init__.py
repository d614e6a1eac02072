"""A project of its own that has Bus for its tasks."""
