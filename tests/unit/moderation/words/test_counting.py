"""Where a term counts: its boundary and its addressing are asked each by itself."""

import pytest

from bus.moderation.words.counting import counts_here
from bus.moderation.words.terms import Addressing, Boundary, Term


def counts(text: str, boundary: Boundary, addressing: Addressing, term: str = "oaf") -> bool:
    start = text.index(term)
    found = Term(term, "harassment", 2, boundary, addressing)
    return counts_here(found, text, start, start + len(term))


@pytest.mark.parametrize(
    ("text", "boundaries"),
    [
        ("an oaf!", {"whole", "word", "stem", "prefix", "any"}),
        ("two oafs", {"stem", "prefix", "any", "word"}),
        ("the oafwood", {"prefix", "any", "word"}),
        ("a loaf", {"any"}),
    ],
)
def test_boundaries_of_latin_words(text: str, boundaries: set[Boundary]) -> None:
    every: tuple[Boundary, ...] = ("whole", "word", "stem", "prefix", "any")
    assert {b for b in every if counts(text, b, "always")} == boundaries


@pytest.mark.parametrize(
    ("text", "boundaries"),
    [
        ("아 곰 봤다", {"whole", "word", "prefix", "any"}),
        ("곰은 곰", {"word", "prefix", "any"}),
        ("곰탕", {"prefix", "any"}),
        ("반달곰", {"any"}),
    ],
)
def test_boundaries_of_korean_words(text: str, boundaries: set[Boundary]) -> None:
    every: tuple[Boundary, ...] = ("whole", "word", "prefix", "any")
    assert {b for b in every if counts(text, b, "always", "곰")} == boundaries


@pytest.mark.parametrize(
    ("text", "boundaries"),
    [
        ("вот филин тут", {"whole", "word", "stem", "prefix", "any"}),
        ("два филина", {"prefix", "any"}),
        ("пять перофилин", {"any"}),
    ],
)
def test_boundaries_of_words_of_other_alphabets(text: str, boundaries: set[Boundary]) -> None:
    every: tuple[Boundary, ...] = ("whole", "word", "stem", "prefix", "any")
    assert {b for b in every if counts(text, b, "always", "филин")} == boundaries


@pytest.mark.parametrize(
    ("text", "addressings"),
    [
        ("you are an oaf", {"aimed", "taunt", "called"}),
        ("silly oaf", {"taunt", "called"}),
        ("they met an oaf who lived in a house", {"called"}),
        ("I think that i am an oaf, to be honest".lower(), set()),
        ("oaf: have you looked in the logs of it?", set()),
    ],
)
def test_addressings(text: str, addressings: set[Addressing]) -> None:
    every: tuple[Addressing, ...] = ("aimed", "taunt", "called")
    assert {a for a in every if counts(text, "whole", a)} == addressings
    assert counts(text, "whole", "always")


@pytest.mark.parametrize("text", ["you are oafish", "you are such oafwood", "ur so oafly"])
def test_any_boundary_goes_with_any_addressing(text: str) -> None:
    assert counts(text, "prefix", "aimed")
    assert not counts(text, "whole", "aimed")
    assert not counts(
        "this is " + text.rsplit(" ", 1)[1] + " and it was so before", "prefix", "aimed"
    )
