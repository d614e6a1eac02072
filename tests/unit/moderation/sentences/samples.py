"""Sentences of our own that are told as of a kind, and others that only look like them."""

from pathlib import Path


def of(name: str) -> list[str]:
    """The lines of one of the lists beside this file."""
    return (Path(__file__).parent / f"{name}.txt").read_text("utf-8").splitlines()
