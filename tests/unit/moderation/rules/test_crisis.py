"""People in danger: what they say of themselves is told from idioms and games, and posted."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bus.moderation import POLICIES, Context, Policy, Verdict, judge, judge_many
from bus.moderation.engine import JudgeRequest
from tests.unit.moderation.sentences import samples

RULES = replace(POLICIES["standard"], model=None)


def of(text: str, policy: Policy = RULES) -> Verdict:
    return judge(text, policy)


@pytest.mark.parametrize("text", samples.of("crisis"))
def test_what_somebody_in_danger_says_is_posted_and_a_moderator_is_told(text: str) -> None:
    verdict = of(text)
    assert (verdict.action, verdict.reason) == ("alert", "crisis")
    assert verdict.masked == text
    assert {hit.reason for hit in verdict.hits} == {"crisis"}


@pytest.mark.parametrize("text", samples.of("no_crisis"))
def test_idioms_games_songs_and_care_pass(text: str) -> None:
    assert [hit for hit in of(text).hits if hit.reason == "crisis"] == []


@pytest.mark.parametrize(
    "text",
    [
        "kill yourself",
        "go hang yourself",
        "나가 죽어라",
        "자살해라 그냥",
    ],
)
def test_telling_others_to_die_stays_an_offence(text: str) -> None:
    verdict = of(text)
    assert (verdict.action, verdict.reason) == ("reject", "harassment")


@pytest.mark.parametrize(
    "text",
    [
        "i fucking hate being alive",
        "fuck this shit, i want to die",
        "시발 그냥 죽고 싶다",
        "i want to kill myself, you nigger",
    ],
)
def test_nothing_that_somebody_in_danger_says_is_rejected(text: str) -> None:
    verdict = of(text)
    assert (verdict.action, verdict.reason) == ("hold", "crisis")


def test_a_milder_word_beside_it_is_starred_and_the_alert_stays() -> None:
    verdict = of("crap, piss on it, i want to die")
    assert (verdict.action, verdict.reason) == ("mask", "crisis")
    assert verdict.masked == "crap, **** on it, i want to die"


def test_the_model_has_no_say_about_it() -> None:
    text = "i hate myself so much, worthless idiot, i want to die"
    for policy in (POLICIES["relaxed"], POLICIES["standard"], POLICIES["strict"]):
        assert "model" not in {hit.rule for hit in judge(text, policy).hits}
    (verdict,) = judge_many([JudgeRequest(text, POLICIES["standard"])])
    assert verdict == judge(text, POLICIES["standard"])


def test_a_room_may_have_it_held_and_may_do_without() -> None:
    held = Policy.from_parts(RULES, {"ladders": {"crisis": {"hold": 5, "alert": 3}}})
    assert of("i took all my pills", held).action == "hold"
    assert of("i want to die", held).action == "alert"
    without = Policy.from_parts(RULES, {"ladders": {"crisis": {}}})
    assert of("i want to die", without).action == "allow"
    with pytest.raises(ValueError, match="no action 'reject'"):
        Policy.from_parts(RULES, {"ladders": {"crisis": {"reject": 1}}})


def test_stored_policies_may_call_it_by_its_former_name() -> None:
    policy = Policy.from_parts(RULES, {"ladders": {"self_harm": {"hold": 1}}})
    assert of("i want to die", policy).action == "hold"
    assert "self_harm" not in policy.ladders


@pytest.mark.parametrize("role", ["member", "moderator"])
def test_it_is_found_whoever_says_it(role: str) -> None:
    context = Context(role=role, trusted=role == "moderator")
    assert judge("i want to die", RULES, context).reason == "crisis"


def test_what_the_room_allows_is_left_alone() -> None:
    policy = Policy.from_parts(RULES, {"allowed": ["i want to die in my sleep"]})
    assert of("i want to die in my sleep", policy).action == "allow"


def test_the_range_is_of_the_text_as_written() -> None:
    text = "Ｈｅｌｌｏ. I want to ｄｉｅ today"
    (hit,) = of(text).hits
    assert text[hit.start : hit.end] == hit.matched
    assert "ｄｉｅ" in hit.matched
    assert hit.disguise == "folded"


def _severities(texts: Sequence[str]) -> list[int]:
    return [max(hit.severity for hit in of(text).hits) for text in texts]


def test_a_plan_or_a_means_is_the_severest() -> None:
    assert _severities(["i feel like such a burden to everyone", "i want to die"]) == [3, 4]
    assert _severities(["i have the rope ready in my room", "유서 써놨어"]) == [5, 5]


@pytest.mark.parametrize(
    "text",
    [
        "quiero suicidarme",
        "quero me matar",
        "je veux mourir",
        "voglio suicidarmi",
        "хочу умереть",
        "मरना चाहता हूं",
        "jeena nahi chahta",
        "عايز اموت",
    ],
)
def test_the_words_of_other_languages_are_said_outright(text: str) -> None:
    asked = Policy.from_parts(RULES, {"ladders": {"crisis": {"alert": 3, "hold": 5}}})
    for policy in (asked, *(POLICIES[name] for name in ("relaxed", "standard", "strict"))):
        verdict = of(text, policy)
        assert (verdict.action, verdict.reason) == ("alert", "crisis")
    assert _severities([text]) == [4]
