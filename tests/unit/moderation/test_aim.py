"""Mild insults: said to somebody they alert, said of a thing or of oneself they pass."""

from dataclasses import replace

import pytest

from bus.moderation import POLICIES, judge

RULES = replace(POLICIES["standard"], model=None)


@pytest.mark.parametrize(
    "text",
    [
        "you are stupid",
        "ur so dumb",
        "you're just a pathetic little troll",
        "you guys are useless",
        "what a loser",
        "noob team",
        "those idiots lost it again",
        "u r such a clown",
        "how stupid of them to leave the gate open",
        "he is a liar, as all of his friends are",
        "only cowards leave before the end",
        "stupid driver",
        "넌 진짜 쓰레기",
        "너네 벌레 같은 놈들",
    ],
)
def test_an_insult_that_is_meant_for_somebody_alerts(text: str) -> None:
    assert judge(text, RULES).action == "alert"


@pytest.mark.parametrize(
    "text",
    [
        "a stupid question: how do I leave vim",
        "this laptop is so dumb",
        "I'm such an idiot, sorry",
        "I am a noob here",
        "you are not stupid",
        "the garbage collector runs late",
        "the village idiot is a pub",
        "idiot: have you tried the other cable?",
        "stupid printer!",
        "I am so stupid",
        "all of the april fools jokes",
        "쓰레기 버리고 올게",
        "벌레가 들어왔어",
    ],
)
def test_the_same_words_of_a_thing_or_oneself_pass(text: str) -> None:
    assert judge(text, RULES).action == "allow"
