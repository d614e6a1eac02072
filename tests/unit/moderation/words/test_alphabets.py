"""Terms of alphabets but Latin, drawn out, parted and starred; what only looks so."""

from dataclasses import replace

import pytest

from bus.moderation import POLICIES, Policy, judge
from bus.moderation.text.cyrillic import as_cyrillic
from bus.moderation.text.normalise import normalise
from bus.moderation.words.disguises import alphabets
from bus.moderation.words.lexicon import build
from bus.moderation.words.terms import Term

WORDS = [
    Term("барсук", "own", 3, "whole"),
    Term("карас", "own", 3, "prefix"),
    Term("гусь", "own", 3, "any"),
    Term("красная сова", "own", 3, "whole"),
    Term("ضفدع", "own", 3, "whole"),
    Term(normalise("मेंढक").folded, "own", 3, "whole"),
]
LEXICON = build(WORDS)


def found(text: str) -> list[tuple[str, str]]:
    matches = [
        match
        for normal in (normalise(text), *as_cyrillic(normalise(text)))
        for look in (alphabets.parted, alphabets.starred)
        for match in look(normal, LEXICON)
    ]
    return [(match.term.text, match.disguise) for match in matches]


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("баааарсук", "барсук"),
        ("ббаррсук", "барсук"),
        ("б а р с у к", "барсук"),
        ("это б-а-р-с-у-к!", "барсук"),
        ("к.а.р.а.с.и.к", "карас"),
        ("караааасик", "карас"),
        ("бар|сук", "барсук"),
        ("ض ف د ع", "ضفدع"),
        ("ضفدددددع", "ضفدع"),
        ("में-ढ-क", WORDS[-1].text),
    ],
)
def test_drawn_out_and_parted_terms_are_found(text: str, term: str) -> None:
    assert (term, "collapsed") in found(text)


@pytest.mark.parametrize(
    ("text", "term"),
    [("бар*ук", "барсук"), ("б*рсук", "барсук"), ("ка*асик", "карас"), ("ضف*ع", "ضفدع")],
)
def test_starred_terms_are_found(text: str, term: str) -> None:
    assert (term, "masked") in found(text)


@pytest.mark.parametrize(
    "text",
    [
        # Spelt plainly: the plain reading judges it.
        "барсук",
        # Two words that meet, and what stands between them.
        "бар сук",
        "ас и карта",
        "бар, сук",
        "бар и сук",
        # A longer word.
        "а б а р с у к и",
        "барсууковый",
        # A footnote.
        "барсу*",
        "барсук*",
    ],
)
def test_what_only_looks_so_passes(text: str) -> None:
    assert found(text) == []


def test_a_text_of_nothing_but_parted_terms_is_one_hit_more() -> None:
    places = list(alphabets.parted(as_cyrillic(normalise("г-у-с-ь " * 250))[0], LEXICON))
    assert len(places) == 61
    assert places[-1].end == 2000


def test_a_room_s_own_words_are_found_under_these_disguises() -> None:
    room = Policy.from_parts(
        replace(POLICIES["standard"], model=None), {"words": ["барсук", "ضفدع"]}
    )
    for text in ("б а р с у к", "бар*ук", "бapcyк", "ضـفـدع", "ضفدععععع"):
        assert judge(text, room).hits, text
    assert not judge("бар и сук", room).hits
