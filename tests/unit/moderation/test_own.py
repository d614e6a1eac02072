"""A room's own words, allowed words and patterns."""

import time
from dataclasses import replace

import pytest

from bus.moderation import POLICIES, Policy, judge
from bus.moderation.own import check_looks

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
        ("死ね", "お前死ね", "死ね"),
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
    assert [(h.matched, h.view) for h in verdict.hits] == [
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
    check_looks(tuple(patterns))


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
    assert replace(policy, max_length=100).own is policy.own
