"""The model's word alone: a person looks, and nothing is refused or starred out."""

import time
from dataclasses import replace

import pytest

from bus.moderation import POLICIES, Context, ModelThresholds, Policy, classifier, judge

POLICY = replace(POLICIES["standard"], model=ModelThresholds(alert=0.5, hold=0.9))


@pytest.mark.parametrize(
    ("likely", "action"), [(0.4, "allow"), (0.6, "alert"), (0.95, "hold"), (1.0, "hold")]
)
def test_by_its_thresholds(likely: float, action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "score_folded", lambda folded: likely)
    verdict = judge("a longer text", POLICY)
    assert (verdict.action, verdict.masked) == (action, "a longer text")
    assert judge("a longer text", POLICY, Context(trusted=True)).action == "allow"
    assert judge("a longer text", replace(POLICY, model=None)).action == "allow"


def test_the_rules_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "score_folded", lambda folded: 1.0)
    assert [hit.rule for hit in judge("shit", POLICY).hits] == ["words"]


def test_an_innocent_word_is_not_read_for_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "score_folded", lambda folded: float("cock" in folded))
    assert judge("a shuttlecock", POLICY).action == "allow"
    assert judge("cocc", POLICY).action == "allow"


def test_of_a_word_or_two_it_says_nothing_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "score_folded", lambda folded: 1.0)
    for text in ("twitch", "pitch dark", "crap crap crap"):
        assert judge(text, POLICY).action == "allow"
    assert judge("such pitch darkness", POLICY).action == "hold"
    assert judge("worst fools", POLICY).action == "hold"


def test_a_word_that_is_said_to_nobody_is_left_to_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(classifier, "score_folded", lambda folded: float("dumb" in folded))
    assert judge("nothing but dumb replies by these trolls", POLICY).action == "hold"
    assert judge("sorry, I'm so dumb", POLICY).action == "allow"
    assert judge("dumb printer", POLICY).action == "allow"


def test_a_korean_word_that_goes_on_from_an_insult_is_left_to_the_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(classifier, "score_folded", lambda folded: float("못생" in folded))
    assert judge("저 배우는 정말 못생겼더라", POLICY).action == "hold"
    monkeypatch.setattr(classifier, "score_folded", lambda folded: float("꺼져" in folded))
    assert judge("거실 조명이 자꾸 꺼져서 불편해", POLICY).action == "allow"


@pytest.mark.parametrize("text", ["fuck", "병신아", "시발 진짜", "you are stupid"])
def test_what_the_room_allows_is_not_put_to_the_model(text: str) -> None:
    policy = Policy.from_parts(
        POLICIES["standard"], {"allowed": ["fuck", "병신", "시발", "you are stupid"]}
    )
    assert judge(text, policy).action == "allow"
    assert judge(f"{text}, kill yourself you pathetic worthless loser", policy).action != "allow"


def test_a_text_full_of_terms_takes_little_time_where_spam_is_posted() -> None:
    policy = Policy.from_parts(POLICIES["standard"], {"ladders": {"spam": {"alert": 2}}})
    took = []
    for _ in range(5):
        began = time.process_time()
        judge("ㅗ" * 1000 + " 너 꼴값 " + "ㅗ" * 900, policy)
        took.append(time.process_time() - began)
    # A busy machine takes three times as long as a quiet one.
    assert min(took) < 0.02


def test_terms_of_other_languages_in_english_words_hide_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The initials `rnm` are a term, and Chinese.
    monkeypatch.setattr(classifier, "score_folded", lambda folded: float("government" in folded))
    assert judge("they say this of the government", POLICY).action == "hold"
