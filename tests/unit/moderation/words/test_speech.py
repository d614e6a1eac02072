"""Languages have endings of their own, and their own ways to speak to somebody."""

import pytest

from bus.moderation.text.normalise import normalise
from bus.moderation.words.addressee import is_addressed
from bus.moderation.words.boundaries import at_boundary
from bus.moderation.words.speech import endings, speech
from bus.moderation.words.terms import Addressing, Term

SPANISH = frozenset({"es"})


@pytest.mark.parametrize(
    ("text", "languages", "counts"),
    [
        ("tonto", SPANISH, True),
        ("tontos", SPANISH, True),
        ("tontoing", SPANISH, False),
        ("tontoing", frozenset({"en"}), True),
        ("tontoing", frozenset({"en", "es"}), True),
        ("tontoing", frozenset(), True),
        ("tontoing", frozenset({"no list"}), True),
        ("tontolaba", SPANISH, False),
        ("tontos99", SPANISH, True),
    ],
)
def test_a_stem_takes_the_endings_of_its_language(
    text: str, languages: frozenset[str], counts: bool
) -> None:
    term = Term("tonto", "harassment", 2, "stem", languages=languages)
    assert at_boundary(term, text, 0, len("tonto")) is counts


@pytest.mark.parametrize(
    ("text", "counts"),
    [("tont", False), ("tonto", True), ("tontos!", True), ("tontería", False), ("tonta9", True)],
)
def test_a_root_counts_with_an_ending_alone(text: str, counts: bool) -> None:
    term = Term("tont", "harassment", 2, "root", languages=SPANISH)
    assert at_boundary(term, normalise(text).folded, 0, len("tont")) is counts


def test_endings_are_folded_as_texts_are() -> None:
    assert "on" in endings(SPANISH, of_stems=True)
    assert "on" not in endings(SPANISH)
    assert all(phrase.isascii() for phrases in speech("es").values() for phrase in phrases)


@pytest.mark.parametrize(
    ("text", "addressing", "counts"),
    [
        ("Tú eres tonto", "aimed", True),
        ("eres un pobre tonto", "aimed", True),
        ("you are tonto", "aimed", True),
        ("tonto eres", "aimed", True),
        ("el tonto del pueblo", "aimed", False),
        ("tonto", "aimed", False),
        ("tonto!!", "taunt", True),
        ("un dia tonto en casa de mi abuela", "taunt", False),
        ("soy tonto", "taunt", False),
        ("¿tonto?", "taunt", False),
        ("ese es tonto", "called", True),
        ("soy un tonto", "called", False),
    ],
)
def test_each_language_has_its_way_to_speak_to_somebody(
    text: str, addressing: Addressing, counts: bool
) -> None:
    term = Term("tonto", "harassment", 2, "whole", addressing, languages=SPANISH)
    folded = normalise(text).folded
    at = folded.index("tonto")
    assert is_addressed(term, folded, at, at + len("tonto")) is counts


def test_a_language_without_a_list_speaks_as_english_does() -> None:
    term = Term("tonto", "harassment", 2, "whole", "aimed", languages=frozenset({"no list"}))
    assert is_addressed(term, "you are a tonto", 10, 15)
    assert not is_addressed(term, "eres un tonto", 8, 13)
