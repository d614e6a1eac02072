"""The worst kinds: held, and what only looks like them passes."""

from dataclasses import replace

import pytest

from bus.moderation import POLICIES, Context, Policy, judge
from tests.unit.moderation.sentences import samples

RULES = replace(POLICIES["standard"], model=None)
KINDS = {"exploitation", "threat", "doxxing", "drugs", "fraud"}


@pytest.mark.parametrize("text", samples.of("danger"))
@pytest.mark.parametrize("policy", ["relaxed", "standard", "strict"])
def test_the_worst_kinds_are_held_in_every_policy(policy: str, text: str) -> None:
    verdict = judge(text, replace(POLICIES[policy], model=None))
    assert verdict.action in ("hold", "reject")
    assert KINDS & {hit.reason for hit in verdict.hits if hit.rule == "danger"}


@pytest.mark.parametrize("text", samples.of("no_danger"))
def test_what_only_looks_like_them_passes(text: str) -> None:
    assert [hit for hit in judge(text, RULES).hits if hit.rule == "danger"] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("are you 12? send me a selfie in your swimsuit", "exploitation"),
        ("pay or i send the video of you to your whole school", "exploitation"),
        ("i know where your kids go to school", "threat"),
        ("here is his home address, everybody go pay him a visit", "doxxing"),
        ("selling weed, dm me for the menu", "drugs"),
        ("enter your 12 word recovery phrase here to restore the wallet", "fraud"),
    ],
)
def test_each_kind_has_its_reason(text: str, reason: str) -> None:
    verdict = judge(text, RULES)
    assert (verdict.action, verdict.reason) == ("hold", reason)
    assert verdict.masked == text


def test_a_moderator_may_quote_what_they_warn_of() -> None:
    text = "enter your 12 word recovery phrase here to restore the wallet"
    assert judge(text, RULES, Context(trusted=True)).action == "allow"


def test_a_room_may_reject_it() -> None:
    policy = Policy.from_parts(RULES, {"ladders": {"fraud": {"reject": 5, "hold": 4}}})
    text = "enter your 12 word recovery phrase here to restore the wallet"
    assert judge(text, policy).action == "reject"
