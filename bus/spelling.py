"""One spelling of a text: what Unicode writes in several ways, in one."""

from __future__ import annotations

import unicodedata


def fold(name: str) -> str:
    """NFKC and case fold: all spellings of one name become one, which stays as it is."""
    return _nfkc(_nfkc(_nfkc(name).casefold()).casefold())


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
