"""Splits a message into text and blocks of code, as `room/blocks.js` does in the browser."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FENCE = re.compile("`{3,}")
_LANGUAGE = re.compile("[^ \t\n`]*[ \t]*\n")


@dataclass(frozen=True, slots=True)
class Block:
    """Text, or code that is shown as it is."""

    code: bool
    text: str


def blocks(text: str) -> list[Block]:
    """What is between ``` and ``` is code; what is never closed, or has nothing in it, is text."""
    fences = list(_FENCE.finditer(text))
    found: list[Block] = []
    done = at = 0
    while at < len(fences):
        opening = fences[at]
        closing = _closing(fences, at)
        at = closing or at
        if closing and (inner := text[opening.end() : fences[closing].start()]).strip(" \t\n"):
            first = opening.start() == 0 or text[opening.start() - 1] == "\n"
            found.append(Block(code=False, text=text[done : opening.start()]))
            found.append(Block(code=True, text=_code(inner, first)))
            done = fences[closing].end()
        at += 1
    found.append(Block(code=False, text=text[done:]))
    return _joined(found)


def _closing(fences: list[re.Match[str]], opening: int) -> int:
    """The next fence that is as long, or longer, so that code may have shorter ones; 0 if none."""
    length = len(fences[opening][0])
    later = range(opening + 1, len(fences))
    return next((at for at in later if len(fences[at][0]) >= length), 0)


def _code(inner: str, at_line_start: bool) -> str:
    """Without the line of the opening fence, which may name a language, and of the closing one."""
    lines, line_end, last = inner.rpartition("\n")
    closed_alone = line_end and not last.strip(" \t")
    code = lines if closed_alone else inner
    head = _LANGUAGE.match(inner)
    named = head is not None and head[0].strip(" \t\n")
    if head and (not named or (at_line_start and closed_alone and head.end() <= len(code))):
        code = code[head.end() :]
    return code


def _joined(found: list[Block]) -> list[Block]:
    """Without what ends the line before or after code, which begins and ends lines by itself."""
    last = len(found) - 1
    kept = []
    for at, block in enumerate(found):
        text = block.text
        if not block.code:
            text = text.lstrip(" \t").removeprefix("\n") if at else text
            text = text.removesuffix("\n") if at < last else text
        if text:
            kept.append(Block(block.code, text))
    return kept
