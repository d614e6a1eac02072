"""judge() and texts that want to break it: it answers, soon, and every offset is right."""

import io
import random
import time
import tokenize
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path

import pytest

from bus.moderation import POLICIES, Context, JudgeRequest, Policy, fingerprint, judge, judge_many
from tests.support import hard_texts

OWN = Policy.from_parts(
    POLICIES["strict"],
    {
        "words": ["zork", "*nan*", "겨울왕국"],
        "patterns": ["(a+)+b", r"\d{3,}", "[가-힣]{2}새"],
        "allowed": ["assassin"],
        "flood_messages": 2,
        "raid_seconds": 10,
        "max_capitals": 30,
        "max_emoji": 1,
    },
)
KNOWN = Context(
    recent=(fingerprint("fuck"), "", fingerprint("aaa bbb")) * 2, ages=(1.0, 2.0), account_age=5.0
)
# What any text may take at worst, in seconds, where `other_work` takes no more than PACE; on a
# slower machine, or one that is busy at that moment, as many times longer. The aim is a third of
# it, and `benchmarks.moderation` has the figure: what is caught here grows with a text's length.
SOON = 0.015
PACE = 0.003
# Cut between two functions, since no Python takes half a string.
SOURCE = Path(tokenize.__file__).read_text("utf-8")[:12_000].rpartition("\n\n\n")[0]


def timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def other_work() -> int:
    """Work of the same kind: patterns, strings and short-lived objects."""
    return sum(1 for _ in tokenize.generate_tokens(io.StringIO(SOURCE).readline))


def is_soon(text: str, policy: Policy) -> bool:
    """Whether the best of some runs takes no longer than other work beside it lets expect."""
    took, paces = [], []
    for _ in range(50):
        paces.append(timed(other_work))
        took.append(timed(lambda: judge(text, policy, KNOWN)))
        if min(took) < SOON * max(1.0, min(paces) / PACE):
            return True
    return False


@pytest.mark.parametrize(("name", "text"), list(hard_texts.texts()))
def test_no_text_takes_long_or_raises(name: str, text: str) -> None:
    for policy in (POLICIES["standard"], OWN):
        assert is_soon(text, policy), name
        assert len(judge(text, policy, KNOWN).masked) == len(text)


@pytest.mark.parametrize("text", ["bz*qqqq " * 250, "b*z*q*k " * 250, "b*****z " * 250])
def test_ten_thousand_own_words_of_one_length_are_no_slower(text: str) -> None:
    words = ["b" + "".join(rest) for rest in islice(product("acdefghijk", repeat=6), 10_000)]
    assert is_soon(text, Policy.from_parts(POLICIES["standard"], {"words": words}))


@pytest.mark.parametrize(
    "patterns",
    [
        [f"[a-z]{{{size}}}" for size in range(1, 101)],
        ["".join(pair) for pair in product("abcdefghij", repeat=2)],
    ],
)
def test_a_hundred_patterns_that_match_everywhere_are_told_soon(patterns: list[str]) -> None:
    policy = Policy.from_parts(POLICIES["standard"], {"patterns": patterns})
    text = "".join(random.Random(2).choices("abcdefghij", k=2000))
    assert is_soon(text, policy)
    verdict = judge(text, policy)
    assert len(verdict.hits) <= 61
    assert set(verdict.masked) == {"*"}


@pytest.mark.parametrize(
    "line",
    [
        "* buy milk and bread\n",
        "- [ ] *soon*: call **Ann**\n",
        "| a* | b** | c |\n",
        "2*x*y + c*z ",
    ],
)
def test_many_stars_are_no_hit(line: str) -> None:
    assert (
        judge((line * 200)[:1900], Policy.from_parts(POLICIES["standard"], {"model": None})).hits
        == ()
    )


def test_many_at_once_are_judged_as_each_by_itself() -> None:
    texts = [
        "good luck",
        "what a shit day",
        "너 진짜 병신이야",
        "",
        "nobody needs clowns like you",
    ]
    texts += ["x" * 3000, "you are all so pathetic and worthless, just leave", "\ud800"]
    texts += [text[:300] for _, text in hard_texts.texts(mixtures=5)]
    policies = (POLICIES["off"], POLICIES["strict"], OWN)
    cases = [JudgeRequest(text, policy, KNOWN) for text in texts for policy in policies]
    assert judge_many(cases) == [judge(*case) for case in cases]
    assert judge_many([]) == []


def test_a_fuzz_run_raises_nothing_and_keeps_its_offsets() -> None:
    chance = random.Random()
    seed = chance.randrange(1 << 30)
    chance.seed(seed)
    for _ in range(1500):
        pieces = [chance.choice(hard_texts.PIECES + hard_texts.UNITS) for _ in range(12)]
        pieces += [chr(chance.randrange(0x110000)) for _ in range(chance.randrange(6))]
        chance.shuffle(pieces)
        text = "".join(pieces)
        verdict = judge(text, OWN, KNOWN)
        assert len(verdict.masked) == len(text), seed
        for hit in verdict.hits:
            assert 0 <= hit.start < hit.end <= len(text), seed
            # Nothing that matched shows personal data, whichever rule found it.
            written = verdict.shown(text)[hit.start : hit.end]
            assert hit.matched == ("*" * len(written) if hit.rule == "personal" else written), seed


def test_the_score_adds_up_from_its_parts() -> None:
    verdict = judge("fuck you, see bit.ly/x", POLICIES["standard"])
    assert [rule for rule, _ in verdict.score_parts] == ["words", "links"]
    left = 1.0
    for _, part in verdict.score_parts:
        left *= 1.0 - part
    assert verdict.score == pytest.approx(1.0 - left, abs=0.001)
