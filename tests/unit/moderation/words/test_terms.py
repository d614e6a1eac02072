"""The word lists: each line reads, and a term blocks what it says."""

from dataclasses import replace

import pytest

from bus.moderation import POLICIES, judge
from bus.moderation.words.terms import Term, expand, languages, load, parse

TERMS = [term for name in languages() for term in load(name)]


def test_brackets_are_a_choice_of_letters() -> None:
    assert list(expand("a[bc]d[ef]")) == ["abde", "abdf", "acde", "acdf"]


def test_a_line() -> None:
    assert list(parse("darn\tprofanity\t1\tstem\tdarning,darned socks")) == [
        Term("darn", "profanity", 1, "stem", ("darning", "darned socks"))
    ]


@pytest.mark.parametrize("line", ["darn", "darn\trude\t1\tstem", "darn\tprofanity\t1\tsomewhere"])
def test_a_wrong_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="darn"):
        list(parse(line))


def test_severities_are_on_the_scale_and_terms_are_folded() -> None:
    assert all(1 <= term.severity <= 5 for term in TERMS)
    assert [term.text for term in TERMS if term.text != term.text.lower().strip()] == []


def test_no_exception_hides_its_own_term() -> None:
    said = {"aimed": "you are {} / 너 진짜 {}", "taunt": "you are {}"}
    texts = {t.text: said.get(t.edges, "{}").format(t.text, t.text) for t in TERMS}
    strict = replace(POLICIES["strict"], model=None)
    missed = [text for text in texts.values() if not judge(text, strict).hits]
    assert missed == []
