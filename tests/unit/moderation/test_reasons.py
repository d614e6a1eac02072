"""The table of reasons: rules, categories of words and what authors are told agree with it."""

from dataclasses import replace
from typing import get_args

import pytest

from bus.moderation import POLICIES, ActionThresholds, Context, Hit, Policy, fingerprint, judge
from bus.moderation.reasons import OF_CATEGORY, REASONS
from bus.moderation.rules import RULES
from bus.moderation.verdict import WHOLE
from bus.moderation.words.terms import Category
from bus.protocol import reasons as told

OWN = Policy.from_parts(
    replace(POLICIES["strict"], model=None),
    {"patterns": ["zork"], "raid_seconds": 9, "max_emoji": 0, "max_capitals": 10},
)
HOT = Context(
    ages=(0.0,) * 20, account_age=1.0, recent=(fingerprint("say it again, will you"),) * 9
)


def hits(text: str) -> list[Hit]:
    return [*judge(text, OWN, HOT).hits]


EVERY = [
    *hits("FUCK YOU AND YOUR ZORK, ☕ see https://discord.gg/x"),
    *hits("mail mina@mail.example"),
    *hits("i will kill you"),
    *hits("i want to kill myself"),
    *hits("enter your 12 word recovery phrase here to restore the wallet"),
    *hits("free robux " + "www.a.com " * 70),
    *hits("say it again, will you"),
    *hits("@name " * 40),
    *hits(("e" + "\u0300\u0316\u0301\u0317\u0302") * 6),
    *hits("a" * 2001),
]


def test_what_the_rules_find_stands_in_the_table() -> None:
    assert {
        (hit.rule, hit.reason) for hit in EVERY if hit.rule not in REASONS[hit.reason].rules
    } == set()


def test_every_rule_is_tried_here_and_has_a_reason() -> None:
    named = {rule.__module__.rsplit(".", 1)[1] for rule in RULES}
    assert {hit.rule for hit in EVERY} == named
    assert {rule for reason in REASONS.values() for rule in reason.rules} == named | {"model"}


def test_every_reason_has_words_for_the_author_and_every_category_a_reason() -> None:
    assert set(told.REASONS) >= set(REASONS)
    assert set(OF_CATEGORY) == set(get_args(Category))


@pytest.mark.parametrize(
    ("text", "reason", "masked"),
    [
        ("SAY IT AGAIN, WILL YOU", "capitals", "**********************"),
        ("say it again, will you", "spam", "**********************"),
        ("say it again, will you", "flood", "say it again, will you"),
        ("say it again, will you", "new_member", "say it again, will you"),
    ],
)
def test_a_hit_on_the_message_as_such_is_starred_where_its_words_are_at_fault(
    text: str, reason: str, masked: str
) -> None:
    policy = replace(OWN, ladders={reason: ActionThresholds(mask=1)})
    verdict = judge(text, policy, HOT)
    assert verdict.masked == masked
    found = [hit for hit in verdict.hits if hit.reason == reason]
    assert [(hit.disguise, hit.start, hit.matched) for hit in found] == [(WHOLE, 0, text)]
