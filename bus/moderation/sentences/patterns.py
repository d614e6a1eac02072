"""Reads the lists of sentences; each is patterns of RE2, which answers in linear time."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import re2

from bus.moderation.list_file import Line, lines
from bus.moderation.text.patterns import linear

LISTS: Final = Path(__file__).parent / "lists"
_AND: Final = " & "
_CLASS: Final = re.compile(r"\{(\w+)\}")
# What of a pattern is not taken as it stands.
_SIGN: Final = re.compile(r"\.{2,3}(?: \?)?|[ ']")
# Between English words; words that may stand in a gap, and in a wide one.
_ENGLISH: Final = {
    " ": "(?:[ ,*~-]+)",
    "'": "['’]?",
    "..": r"(?:[^ .!?\n]+ +){0,4}",
    "...": r"(?:[^ .!?\n]+ +){0,9}",
}
# Korean may have a space between any two words, or none; letters that may stand in a gap.
_KOREAN: Final = {" ": "(?:[ ,~]*)", "'": "'", "..": r"[^.!?\n]{0,12}", "...": r"[^.!?\n]{0,30}"}


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a text has, or has not, for a sentence to be told."""

    source: str
    wanted: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    """One kind of sentence: what it means, how severe it is, and its parts.

    The text has one of the `cues` where it has the sentence: those are looked for first.
    """

    category: str
    severity: int
    cues: tuple[str, ...]
    parts: tuple[Part, ...]


def load(name: str, categories: tuple[str, ...]) -> Iterator[Sentence]:
    """The sentences of a list such as `crisis_en`; raises ListError."""
    syntax = _KOREAN if name.endswith("_ko") else _ENGLISH
    classes: dict[str, str] = {}
    unless: list[tuple[int, Part]] = []
    for line in lines(LISTS / f"{name}.txt", 3, 4):
        kind, last = line.columns[0], line.columns[-1]
        if kind == "class":
            classes[line.columns[1]] = f"(?:{_filled(line, last, classes)})"
        elif kind == "unless":
            most = line.whole(1, "severity", 1, 5)
            unless += [(most, part) for part in _parts(line, f"!{last}", classes, syntax)]
        elif len(line.columns) < 4:
            line.refuse("a sentence has a category, a severity, cues and a pattern")
        else:
            severity = line.whole(1, "severity", 1, 5)
            ruled_out = [part for most, part in unless if severity <= most]
            yield Sentence(
                category=line.choice(0, "category", categories),
                severity=severity,
                cues=tuple(line.items(2)),
                parts=(*_parts(line, last, classes, syntax), *ruled_out),
            )


def _parts(
    line: Line, parts: str, classes: Mapping[str, str], syntax: Mapping[str, str]
) -> Iterator[Part]:
    for text in parts.split(_AND):
        pattern = _filled(line, text.removeprefix("!"), classes)
        source = _SIGN.sub(lambda sign: syntax[sign[0].removesuffix(" ?")], pattern)
        if syntax is _ENGLISH:
            source = rf"(?:^|[^a-z'’])({source})(?:\b|$|[^a-z])"
        else:
            source = f"({source})"
        part = Part(source, wanted=not text.startswith("!"))
        try:
            compiled(part.source)
        except re2.error as error:
            why = error.args[0]
            named = why.decode() if isinstance(why, bytes) else str(why)
            line.refuse(f"{text[:40]!r}… is no pattern: {named.partition(': ')[0]}")
        yield part


def _filled(line: Line, pattern: str, classes: Mapping[str, str]) -> str:
    """A pattern with its classes written out."""

    def written(found: re.Match[str]) -> str:
        if found[1] not in classes:
            line.refuse(f"no class {found[1]!r} stands above")
        return classes[found[1]]

    return _CLASS.sub(written, pattern)


@cache
def compiled(source: str) -> Any:
    """A pattern, made once."""
    return linear(source)
