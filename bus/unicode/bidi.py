"""Keeps what turns the direction of writing (Unicode UAX #9) within the text that it stands in."""

from __future__ import annotations

import re

_EMBEDDINGS = "\u202a\u202b\u202d\u202e"
_ISOLATES = "\u2066\u2067\u2068"
# What ends the last embedding, and the last isolate with all that was opened in it.
_POP_EMBEDDING, _POP_ISOLATE = "\u202c", "\u2069"
# Each of them ends every embedding and isolate.
_LINE_ENDS = "\n\u2029"
_CONTROLS = _EMBEDDINGS + _ISOLATES + _POP_EMBEDDING + _POP_ISOLATE

_found = re.compile(f"[{_CONTROLS}]").search
_parts = re.compile(f"[{_CONTROLS}{_LINE_ENDS}]|[^{_CONTROLS}{_LINE_ENDS}]+").findall


def has_controls(text: str) -> bool:
    """Whether it has embeddings, overrides or isolates; marks (LRM, RLM) turn nothing else."""
    return _found(text) is not None


def balanced(text: str) -> str:
    """The text with an end to all that it opens in each line, and without an end to anything else.

    So nothing that comes after it is turned, and no isolate around it is ended, wherever it is
    shown; what it says within itself stays as it was written.
    """
    if not has_controls(text):
        return text
    kept: list[str] = []
    # What closes all that is open, innermost last.
    closing: list[str] = []
    for part in _parts(text):
        if part in _LINE_ENDS:
            _close(kept, closing, len(closing))
        elif part in _EMBEDDINGS:
            closing.append(_POP_EMBEDDING)
        elif part in _ISOLATES:
            closing.append(_POP_ISOLATE)
        elif part in (_POP_EMBEDDING, _POP_ISOLATE):
            _close(kept, closing, _closed_by(part, closing))
            continue
        kept.append(part)
    _close(kept, closing, len(closing))
    return "".join(kept)


def _closed_by(pop: str, closing: list[str]) -> int:
    """How many of those that are open it closes."""
    if pop == _POP_EMBEDDING:
        return int(closing[-1:] == [pop])
    return closing[::-1].index(pop) + 1 if pop in closing else 0


def _close(kept: list[str], closing: list[str], count: int) -> None:
    for _ in range(count):
        kept.append(closing.pop())
