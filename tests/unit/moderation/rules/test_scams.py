"""Advertising and fraud: held when enough of it comes together."""

from dataclasses import replace

import pytest

from bus.moderation import POLICIES, Context, judge

RULES = replace(POLICIES["standard"], model=None)


@pytest.mark.parametrize(
    "text",
    [
        "guys please check out my channel",
        "sub4sub anyone",
        "URGENT! You won a £500 prize, call 09061234567 now",
        "txt WIN to 80123 for your free ringtone",
        "double your money, claim your bonus today",
        "첫충 꽁머니 지급합니다",
        "무직자 대출 상담 문의 주세요",
    ],
)
def test_what_sells_or_lures_is_held(text: str) -> None:
    verdict = judge(text, RULES)
    assert (verdict.action, verdict.reason) == ("hold", "spam")
    assert "scam" in {hit.category for hit in verdict.hits}
    assert judge(text, RULES, Context(trusted=True)).action == "allow"


@pytest.mark.parametrize(
    "text",
    [
        "please call me when you are free",
        "we won! free pizza for the team",
        "check out the docs",
        "read the channel topic please",
        "my mobile is dead, text me later",
        "she won a prize at the fair",
        "the prize was awarded to my sister",
        "our team won't sync my songs",
        "I work from home on Tuesdays, 20% less noise",
        "check out my new keyboard, please",
        "이벤트 당첨됐어!",
        "구독 취소했어",
    ],
)
def test_the_same_words_in_a_chat_pass(text: str) -> None:
    assert judge(text, RULES).action == "allow"
