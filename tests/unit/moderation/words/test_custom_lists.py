"""A room's own words, allowed words and patterns."""

import time
from dataclasses import replace

import pytest

from bus.moderation import POLICIES, Policy, judge
from bus.moderation.words.custom_lists import CompiledLists, check_looks

RULES = replace(POLICIES["standard"], model=None)


def with_parts(**parts: object) -> Policy:
    return Policy.from_parts(RULES, parts)


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("banana", "a Banana!", "Banana"),
        ("banana", "b a n a n a", "b a n a n a"),
        ("banana", "bananas", None),
        ("banana*", "bananas", "banana"),
        ("*nan*", "bananas", "nan"),
        ("겨울왕국", "겨울왕국은 그만", "겨울왕국"),
        ("겨울왕국", "겨.울.왕.국", "겨.울.왕.국"),
        ("spoiler alert", "SPOILER ALERT here", "SPOILER ALERT"),
        ("残業", "今日も残業だ", "残業"),
        # Of look-alikes alone, and where a longer word of its alphabet begins with it.
        ("кот*", "вот Кот", "Кот"),
        ("кот*", "Котики тут", "Кот"),
        ("кот*", "скотный двор", None),
        ("личное", "Личное!", "Личное"),
        ("личное", "безличное", None),
        ("ΣΚΎΛΟΣ", "ένας σκύλος", "σκύλος"),
    ],
)
def test_own_words_under_their_stars(word: str, text: str, found: str | None) -> None:
    verdict = judge(text, with_parts(words=[word]))
    assert [hit.matched for hit in verdict.hits] == ([found] if found else [])
    assert all(hit.category == "own" for hit in verdict.hits)


def test_what_the_room_allows_is_not_found_in_any_list() -> None:
    policy = with_parts(allowed=["shit happens", "cock"], words=["happens"])
    assert judge("well, shit happens", policy).action == "allow"
    assert judge("the cock crows", policy).action == "allow"
    assert judge("shit", policy).action == "reject"
    assert judge("cocksucker", policy).action == "reject"


def test_patterns_match_what_is_written_and_what_is_read() -> None:
    policy = with_parts(patterns=[r"boss \d+", "z+q"], own_severity=2)
    verdict = judge("Boss 12, ｚｚｑ", policy)
    assert [(h.matched, h.disguise) for h in verdict.hits] == [
        ("Boss 12", "text"),
        ("ｚｚｑ", "folded"),
    ]
    assert (verdict.action, verdict.masked) == ("mask", "*******, ***")


def test_a_pattern_that_matches_everywhere_is_told_in_few_hits() -> None:
    verdict = judge("x " * 900, with_parts(patterns=["x"]))
    assert len(verdict.hits) == 20
    assert "x" not in verdict.masked


def test_empty_matches_before_it_hide_no_match() -> None:
    verdict = judge("one two " * 40 + "zork", with_parts(patterns=[r"\b(?:zork)?"]))
    assert [hit.matched for hit in verdict.hits] == ["zork"]


@pytest.mark.parametrize(
    "patterns",
    [
        [f"a.{{{size}}}q" for size in range(1, 101)],
        [f"(a|b)*a(a|b){{{size}}}q" for size in range(5, 105)],
        [f"[a-z]{{50,200}}x{number}" for number in range(100)],
        [r"[^\w\s]{10,200}x"],
        [r"[^\x00-\x7f]{20,200}k"],
        [rf"(?:\W\w){{20,100}}k{number}" for number in range(20)],
    ],
)
def test_patterns_that_are_slow_together_are_told_with_the_slowest(patterns: list[str]) -> None:
    with pytest.raises(ValueError, match=r"ms for a text .* slowest is pattern \d+, '.*shorten"):
        check_looks(tuple(patterns))


@pytest.mark.parametrize(
    "patterns",
    [
        [rf"\bword{number}\b" for number in range(100)],
        [r"\d{3}-\d{3,4}-\d{4}", r"[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}", r"discord\.gg/\w+"] * 33,
        [rf"[가-힣]{{2,8}}\s?새\w+{number}" for number in range(100)],
        ["."],
        [],
    ],
)
def test_a_hundred_patterns_as_people_write_them_are_fast_enough(patterns: list[str]) -> None:
    slow = ""
    try:
        check_looks(tuple(patterns))
    except ValueError as error:
        slow = str(error)
    assert slow == ""


def test_a_pattern_that_would_backtrack_answers_at_once() -> None:
    policy = with_parts(patterns=["(a+)+b"])
    began = time.process_time()
    assert judge("a" * 2000, policy).action == "allow"
    assert time.process_time() - began < 0.5


def test_patterns_take_half_of_a_surrogate_pair() -> None:
    verdict = judge("\ud800 zork \udfff", with_parts(patterns=["zork"]))
    assert [hit.matched for hit in verdict.hits] == ["zork"]


def test_ten_thousand_words_are_found_and_shared() -> None:
    words = [f"word{number}x" for number in range(10_000)]
    policy = with_parts(words=words)
    assert judge("say word9999x", policy).action == "reject"
    assert replace(policy, max_length=100).custom is policy.custom


@pytest.mark.parametrize("severity", [1, 2, 3])
@pytest.mark.parametrize(
    "text", ["zork", "z*rk", "zoooork", "z0rk", "z o r k", "z1ork", "krozz zork", "ｚork", "kroz"]
)
def test_own_words_are_found_under_disguises_whatever_their_severity(
    text: str, severity: int
) -> None:
    (hit,) = judge(f"the {text} here", with_parts(words=["zork"], own_severity=severity)).hits
    assert (hit.category, hit.severity) == ("own", severity)


def test_a_word_of_three_letters_is_found_plain_and_spelled_out() -> None:
    policy = with_parts(words=["gak"], own_severity=1)
    found = [text for text in ("gak", "GAK", "g a k", "g.a.k") if judge(text, policy).hits]
    assert found == ["gak", "GAK", "g a k", "g.a.k"]
    for text in ("g4k", "g*k", "gaaak", "g1ak", "kag"):
        assert judge(f"a {text} b", policy).hits == ()


def test_words_inside_each_other_take_little_time() -> None:
    nested = ["*" + "a" * size + "*" for size in range(1, 98)]
    allowing, blocking = with_parts(allowed=nested), with_parts(words=nested)
    for policy, text in ((allowing, "fuck " + "a" * 1995), (blocking, "a" * 2000)):
        took = []
        for _ in range(5):
            began = time.process_time()
            assert judge(text, policy).action == "reject"
            took.append(time.process_time() - began)
        assert min(took) < 0.01


def test_what_is_found_does_not_depend_on_how_deep_words_lie_in_each_other() -> None:
    nested = ["*" + "ab" * size + "*" for size in range(1, 40)]
    text = "x" * 31 + "ab" * 40 + "y" * 60 + "ab"
    hits = judge(text, with_parts(words=nested)).hits
    assert (hits[0].start, hits[-1].end) == (31, len(text))


def test_beyond_so_many_places_nothing_is_allowed() -> None:
    policy = with_parts(allowed=["shit", "*a*"])
    assert judge("a" * 200 + " shit", policy).action == "allow"
    assert judge("a" * 400 + " shit", policy).action == "reject"


def test_of_long_lists_only_the_last_are_kept() -> None:
    kept = CompiledLists(most_words=5)
    first = kept.get(("a", "b"), (), ())
    second = kept.get(("c", "d"), (), ())
    assert kept.get(("a", "b"), (), ()) is first
    kept.get(("e", "f"), (), ())
    assert kept.get(("a", "b"), (), ()) is first
    assert kept.get(("c", "d"), (), ()) is not second
