"""Blocked words, as the lists have them: how bad each is, and where it counts."""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final, Literal, cast, get_args

from bus.moderation.language.signs import confined
from bus.moderation.list_file import Line, lines
from bus.moderation.text.normalise import spellings

Category = Literal[
    "profanity", "sexual", "slur", "threat", "harassment", "self_harm", "scam", "own"
]
# Where in a word a term counts.
Boundary = Literal["whole", "word", "stem", "root", "prefix", "any", "run"]
# To whom it must be said.
Addressing = Literal["always", "aimed", "taunt", "called"]

LISTS: Final = Path(__file__).parent / "lists"
# Before a term of which the accents count.
_EXACT: Final = "="
_CHOICE: Final = re.compile(r"\[([^\]]+)\]")
# How little and how much the phrases of advertising weigh.
_LEAST_WEIGHT: Final = 0
_MOST_WEIGHT: Final = 4
# Categories that lists do not have: phrases of advertising have their own, rooms have no lists.
_LISTED: Final = tuple(name for name in get_args(Category) if name not in ("scam", "own"))


@dataclass(frozen=True, slots=True)
class Term:
    """A blocked word: how bad it is, where and to whom said it counts, and what it may be part of.

    The lists in `lists/` say what each boundary and addressing means.
    """

    text: str
    category: Category
    severity: int
    boundary: Boundary
    addressing: Addressing = "always"
    exceptions: tuple[str, ...] = ()
    # Those of the lists that have it: it counts where a text may be of one of them. None where its
    # script says enough, and for terms of no list: they count wherever they stand.
    languages: frozenset[str] = frozenset()
    # Whether everybody swears with it, in whatever language.
    everywhere: bool = False
    # Whether it counts only as it is written, with its accents: without them it is another word.
    exact: bool = False

    @property
    def joined(self) -> str:
        """The term without its spaces."""
        return self.text.replace(" ", "")

    @property
    def latin(self) -> bool:
        """Whether it is written in Latin letters."""
        return self.text.isascii()

    @property
    def inflected(self) -> bool:
        """Whether a disguise is read with endings, too: insults of somebody come in numbers."""
        return self.boundary != "whole" or self.addressing != "always"


def expand(pattern: str) -> Iterator[str]:
    """Every spelling of a term: `a[bc]` is `ab` and `ac`."""
    pieces = _CHOICE.split(pattern)
    yield from map(
        "".join, itertools.product(*(p if i % 2 else (p,) for i, p in enumerate(pieces)))
    )


def terms_of(line: Line, language: str = "") -> Iterator[Term]:
    """The terms of one line of a list of blocked words, folded as texts are; raises ListError."""
    category = cast("Category", line.choice(1, "category", _LISTED))
    severity = line.whole(2, "severity", 1, 5)
    boundary = cast("Boundary", line.choice(3, "boundary", get_args(Boundary)))
    addressing = cast("Addressing", line.choice(4, "addressing", get_args(Addressing)))
    listed = line.columns[5].split(",") if len(line.columns) > 5 else ()
    exceptions = tuple(spelling for exception in listed for spelling in spellings(exception))
    if not all(exceptions):
        line.refuse("an exception is empty")
    of = frozenset((language,)) if language else frozenset()
    known = _everywhere() if language else None
    for text in line.items(0):
        for written in expand(text) if "[" in text else (text,):
            exact = written.startswith(_EXACT)
            for spelling in (written.removeprefix(_EXACT),) if exact else spellings(written):
                yield Term(
                    spelling,
                    category,
                    severity,
                    boundary,
                    addressing,
                    exceptions,
                    of,
                    known is not None and known(spelling) is not None,
                    exact,
                )


def load(name: str) -> list[Term]:
    """Read one list; the first line of a spelling wins, so the strict lines stand first."""
    return read(LISTS / f"{name}.txt", name)


def load_all() -> list[Term]:
    """The terms of all lists; one that several have alike is there once."""
    terms: dict[tuple[object, ...], Term] = {}
    for term in itertools.chain.from_iterable(map(load, languages())):
        alike = (
            *(term.text, term.category, term.severity, term.boundary),
            *(term.addressing, term.exceptions, term.exact),
        )
        there = terms.setdefault(alike, term)
        if there is not term:
            terms[alike] = replace(there, languages=there.languages | term.languages)
    return [
        replace(term, languages=frozenset()) if confined(term.text) else term
        for term in terms.values()
    ]


@cache
def _everywhere() -> Callable[[str], re.Match[str] | None]:
    """A search for what is sworn with everywhere, as a word or part of one."""
    items = (item for line in lines(LISTS / "everywhere.txt", 1, 1) for item in line.items(0))
    known = (spelling for item in items for spelling in spellings(item))
    return re.compile("|".join(map(re.escape, known))).search


def read(path: Path, language: str = "") -> list[Term]:
    """The blocked words of a file, those of a language if it is said; raises ListError."""
    terms: dict[str, Term] = {}
    for line in lines(path, 5, 6):
        for term in terms_of(line, language):
            terms.setdefault(term.text, term)
    return list(terms.values())


def languages() -> list[str]:
    """The languages that have a list, English first: its file has a name of two letters."""
    return sorted(
        (path.stem for path in LISTS.glob("??.txt")), key=lambda name: (name != "en", name)
    )


def load_spam_phrases() -> list[Term]:
    """The phrases of advertising and fraud, folded as texts are, their weight for a severity.

    What several languages have weighs what the first of them says.
    """
    phrases: dict[str, Term] = {}
    english_first = sorted(
        LISTS.glob("scams_??.txt"), key=lambda path: (path.stem[-2:] != "en", path)
    )
    for path in english_first:
        of = frozenset((path.stem.removeprefix("scams_"),))
        for line in lines(path, 2, 2):
            weight = line.whole(0, "weight", _LEAST_WEIGHT, _MOST_WEIGHT)
            for phrase in line.items(1):
                for spelling in spellings(phrase):
                    term = Term(spelling, "scam", weight, "whole", languages=of)
                    there = phrases.setdefault(spelling, term)
                    if there is not term:
                        phrases[spelling] = replace(there, languages=there.languages | of)
    return [replace(p, languages=frozenset()) if confined(p.text) else p for p in phrases.values()]


def load_scam_signs() -> Iterator[tuple[re.Pattern[str], int]]:
    """What advertising and fraud hold beside their phrases, and what it weighs."""
    for line in lines(LISTS / "scam_signs.txt", 2, 2):
        weight = line.whole(0, "weight", 1, _MOST_WEIGHT)
        try:
            yield re.compile(line.columns[1]), weight
        except re.error as error:
            line.refuse(f"{line.columns[1]!r} is no pattern ({error})")
