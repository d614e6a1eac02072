"""judge() and texts that want to break it: it answers, soon, and every offset is right."""

import random
import time

import pytest

from bus.moderation import POLICIES, Case, Context, Policy, gist, judge, judge_many
from tests import adversary

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
KNOWN = Context(recent=(gist("fuck"), "", gist("aaa bbb")) * 2, ages=(1.0, 2.0), account_age=5.0)
# Seconds of work. Twenty times what it takes, for machines that do other things too.
SOON = 0.1


@pytest.mark.parametrize(("name", "text"), list(adversary.texts()))
def test_no_text_takes_long_or_raises(name: str, text: str) -> None:
    for policy in (POLICIES["standard"], OWN):
        took = []
        for _ in range(3):
            began = time.process_time()
            verdict = judge(text, policy, KNOWN)
            took.append(time.process_time() - began)
        assert min(took) < SOON, name
        assert len(verdict.masked) == len(text)


def test_many_at_once_are_judged_as_each_by_itself() -> None:
    texts = [
        "good luck",
        "what a shit day",
        "너 진짜 병신이야",
        "",
        "nobody needs clowns like you",
    ]
    texts += ["x" * 3000, "you are all so pathetic and worthless, just leave", "\ud800"]
    texts += [text[:300] for _, text in adversary.texts(mixtures=5)]
    policies = (POLICIES["off"], POLICIES["strict"], OWN)
    cases = [Case(text, policy, KNOWN) for text in texts for policy in policies]
    assert judge_many(cases) == [judge(*case) for case in cases]
    assert judge_many([]) == []


def test_a_fuzz_run_raises_nothing_and_keeps_its_offsets() -> None:
    chance = random.Random()
    seed = chance.randrange(1 << 30)
    chance.seed(seed)
    for _ in range(1500):
        pieces = [chance.choice(adversary.PIECES + adversary.UNITS) for _ in range(12)]
        pieces += [chr(chance.randrange(0x110000)) for _ in range(chance.randrange(6))]
        chance.shuffle(pieces)
        text = "".join(pieces)
        verdict = judge(text, OWN, KNOWN)
        assert len(verdict.masked) == len(text), seed
        for hit in verdict.hits:
            assert 0 <= hit.start < hit.end <= len(text), seed
            assert text[hit.start : hit.end] == hit.matched, seed


def test_the_score_adds_up_from_its_parts() -> None:
    verdict = judge("fuck you, see bit.ly/x", POLICIES["standard"])
    assert [rule for rule, _ in verdict.parts] == ["words", "links"]
    left = 1.0
    for _, part in verdict.parts:
        left *= 1.0 - part
    assert verdict.score == pytest.approx(1.0 - left, abs=0.001)
