"""The word lists: each line reads, a wrong one is refused by file and line, a term blocks."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bus.moderation import POLICIES, Policy, judge
from bus.moderation.list_file import ListError, lines
from bus.moderation.words.speech import endings, speech
from bus.moderation.words.terms import LISTS, Term, expand, languages, load, read

TERMS = [term for name in languages() for term in load(name)]
RULES = replace(POLICIES["strict"], model=None)
SPOKEN_TO = ("aimed", "taunt")


def test_brackets_are_a_choice_of_letters() -> None:
    assert list(expand("a[bc]d[ef]")) == ["abde", "abdf", "acde", "acdf"]


def test_a_list(tmp_path: Path) -> None:
    path = tmp_path / "xx.txt"
    path.write_text(
        "# mild ones\n\ndarn\tprofanity\t1\tstem\talways\tdarning,darned socks\n"
        "oa[fv], darn\tharassment\t2\twhole\taimed\n"
    )
    assert read(path) == [
        Term("darn", "profanity", 1, "stem", "always", ("darning", "darned socks")),
        Term("oaf", "harassment", 2, "whole", "aimed"),
        Term("oav", "harassment", 2, "whole", "aimed"),
    ]


def test_terms_are_folded_as_texts_are(tmp_path: Path) -> None:
    path = tmp_path / "xx.txt"
    path.write_text("Blödmann, кот, ёлка\tharassment\t2\tprefix\talways\tBlödmannsgehilfin\n")
    assert [(term.text, term.exceptions) for term in read(path)] == [
        (text, ("blodmannsgehilfin", "bloedmannsgehilfin"))
        for text in ("blodmann", "bloedmann", "kot", "кот", "елка")
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("darn", "5 to 6 tab-separated columns are wanted, 1 are there"),
        ("darn\trude\t1\tstem\talways", "no category 'rude'; there are profanity"),
        ("darn\town\t1\tstem\talways", "no category 'own'; there are profanity"),
        ("darn\tprofanity\t6\tstem\talways", "severity '6' is no whole number from 1 to 5"),
        ("darn\tprofanity\tmild\tstem\talways", "severity 'mild' is no whole number"),
        ("darn\tprofanity\t1\taimed\talways", "no boundary 'aimed'; there are whole, word"),
        ("darn\tprofanity\t1\tstem\tstem", "no addressing 'stem'; there are always, aimed"),
        ("darn, \tprofanity\t1\tstem\talways", "'darn, ' is no list with ', ' between"),
        ("darn\tprofanity\t1\tstem\talways\tdarning,", "an exception is empty"),
    ],
)
def test_a_wrong_line_is_refused_with_its_file_and_number(
    tmp_path: Path, line: str, why: str
) -> None:
    path = tmp_path / "xx.txt"
    path.write_text(f"# a comment\n{line}\n")
    with pytest.raises(ListError, match=re.escape(f"xx.txt, line 2: {why}")):
        read(path)


def test_severities_are_on_the_scale_and_terms_are_folded() -> None:
    assert all(1 <= term.severity <= 5 for term in TERMS)
    assert [term.text for term in TERMS if term.text != term.text.lower().strip()] == []


def said(term: Term, language: str) -> str:
    """The least that makes a term count: the word alone, with an ending, or to somebody."""
    word = term.text
    if term.boundary == "root":
        word += re.sub(r"\(.*?\)|\[(.).*?\]", r"\1", endings(term.languages, of_stems=True)[0])
    if term.addressing not in SPOKEN_TO:
        return word
    you = speech(language).get("you", ("너 진짜" if language == "ko" else "you are",))[0]
    return f"{you} {word}"


@pytest.mark.parametrize("language", languages())
def test_a_room_of_a_language_finds_all_of_its_terms(language: str) -> None:
    room = Policy.from_parts(RULES, {"languages": [language]})
    texts = {said(term, language) for term in TERMS if language in term.languages}
    assert sorted(text for text in texts if not judge(text, room).hits) == []


@pytest.mark.parametrize(
    "language", [path.stem.removeprefix("scams_") for path in LISTS.glob("scams_??.txt")]
)
def test_a_room_of_a_language_finds_its_plainest_advertising(language: str) -> None:
    room = Policy.from_parts(RULES, {"languages": [language]})
    heavy = [
        line for line in lines(LISTS / f"scams_{language}.txt", 2, 2) if line.columns[0] == "4"
    ]
    phrases = [phrase for line in heavy for phrase in line.items(1)]
    assert [phrase for phrase in phrases if not _advertises(phrase, room)] == []


def _advertises(phrase: str, room: Policy) -> bool:
    return any(hit.reason == "spam" for hit in judge(phrase, room).hits)
