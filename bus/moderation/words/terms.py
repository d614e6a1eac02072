"""One line of a word list, and the reader of the lists."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

Category = Literal[
    "profanity", "sexual", "slur", "threat", "harassment", "self_harm", "scam", "own"
]
Edges = Literal["whole", "word", "stem", "prefix", "any", "run", "aimed", "taunt", "called"]

_LISTS: Final = Path(__file__).parent / "lists"
_CHOICE: Final = re.compile(r"\[([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Term:
    """A blocked word: how bad it is, where in a word it counts, and what it may be part of."""

    text: str
    category: Category
    severity: int
    edges: Edges
    exceptions: tuple[str, ...] = ()

    @property
    def joined(self) -> str:
        """The term without its spaces."""
        return self.text.replace(" ", "")

    @property
    def latin(self) -> bool:
        """Whether it is written in Latin letters."""
        return self.text.isascii()


def expand(pattern: str) -> Iterator[str]:
    """Every spelling of a term: `a[bc]` is `ab` and `ac`."""
    pieces = _CHOICE.split(pattern)
    yield from map(
        "".join, itertools.product(*(p if i % 2 else (p,) for i, p in enumerate(pieces)))
    )


def parse(line: str) -> Iterator[Term]:
    """The terms of one line; a wrong line raises ValueError."""
    fields = line.split("\t")
    if not 4 <= len(fields) <= 5:
        raise ValueError(f"4 or 5 tab-separated fields wanted: {line!r}")
    texts, category, severity, edges = fields[:4]
    if category not in get_args(Category) or edges not in get_args(Edges):
        raise ValueError(f"unknown category or edges: {line!r}")
    exceptions = tuple(filter(None, fields[4].split(","))) if len(fields) == 5 else ()
    for spelling in (spelling for text in texts.split(", ") for spelling in expand(text)):
        yield Term(spelling, category, int(severity), edges, exceptions)  # type: ignore[arg-type]


def load(name: str) -> list[Term]:
    """Read one list; the first line of a spelling wins, so the strict lines stand first."""
    terms: dict[str, Term] = {}
    for line in (_LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            for term in parse(line):
                terms.setdefault(term.text, term)
    return list(terms.values())


def languages() -> list[str]:
    """The languages that have a list, English first: its file has a name of two letters."""
    return sorted(
        (path.stem for path in _LISTS.glob("??.txt")), key=lambda name: (name != "en", name)
    )


def load_innocents() -> list[str]:
    """The words that look like a disguised term and are none."""
    lines = (_LISTS / "innocent.txt").read_text(encoding="utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


def load_cues() -> list[Term]:
    """The phrases of advertising and fraud, their weight for a severity."""
    cues: dict[str, Term] = {}
    for line in (_LISTS / "scams.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            weight, phrases = line.split("\t")
            for phrase in phrases.split(", "):
                cues.setdefault(phrase, Term(phrase, "scam", int(weight), "whole"))
    return list(cues.values())
