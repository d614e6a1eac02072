"""What everyone still reads: misspelt, glued, cut short, broken up or on its head."""

import pytest

from bus.moderation import POLICIES, judge
from bus.moderation.words.misspellings import KNOWN, misspelt
from bus.moderation.words.terms import Term, load

STANDARD = POLICIES["standard"]


@pytest.mark.parametrize(
    "text",
    [
        "fxcking lag",
        "what a bithc",
        "you asshoel",
        "siht server",
        "rtard play",
        "shtty aim",
        "foock this lane",
        "dickhead? aszhole more like",
        "420faggot joined",
        "he is slut69",
        "kys12 already",
        "younigger",
        "xxfaggotxx",
        "what theretards do",
        "suckmydick please",
        "killyourself now",
        "ffuucckk it",
        "sshhiitt map",
        "fu'ck them",
        "s'h'i't play",
        "||fu||ck you all",
        "f@#k this",
        "f--k that",
        "s__t team",
        "b**** move",
        "shi* play",
        "s h i t t y luck",
        "r e t a r d e d lane",
        "be a k y s man",
        "kyyyys",
        "kil yourself",
        "unalive urself",
        "ᖴᑌᑕK it",
        "ɹǝƃƃᴉu",
        "kysss",
        "pedofile",
    ],
)
def test_it_is_read(text: str) -> None:
    assert judge(text, STANDARD).action in ("mask", "reject")


@pytest.mark.parametrize(
    "text",
    [
        "c'mon, it's hit or miss",
        "those who're early can't watch",
        "i--; a--b; x__y",
        "the whre clause is a typo",
        "rm -rf build/*",
        "commit 3fa7cum9b",
        "put4 and get4 return",
        "he sniggered at the retardant",
        "g r a p e s",
        "a sheet of paper",
        "||spoiler|| ahead",
        "class7 and pass12",
        "we lost again T__T",
        "the Shi'ites of the town",
    ],
)
def test_innocent_text_is_not(text: str) -> None:
    assert judge(text, STANDARD).action == "allow"


def test_only_the_best_known_words_are_misspelt() -> None:
    terms = load("en")
    found = dict(misspelt(terms))
    assert found["fxck"].text == "fuck"
    assert {term.text for term in found.values()} <= KNOWN
    assert not found.keys() & {term.text for term in terms}
    assert "cnt" not in found
    assert list(misspelt([Term("tree", "own", 3, "whole")])) == []
