"""Consumers of named channels, one a file."""
