"""Sentences of a kind, such as a farewell: told by their words together, not by one of them."""
