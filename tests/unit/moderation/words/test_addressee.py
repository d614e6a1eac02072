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


@pytest.mark.parametrize(
    "text", ["stupid jungler", "dog mid", "this clown carry lol", "animal team", "noob healer pls"]
)
def test_who_plays_somewhere_is_somebody(text: str) -> None:
    assert judge(text, RULES).action == "alert"


@pytest.mark.parametrize(
    "text",
    [
        "go mid",
        "the dog team won the race",
        "monkey team meeting at nine",
        "stupid printer",
        "potato healers are fun to draw",
        "the animal is mid size",
    ],
)
def test_places_in_games_are_no_insults(text: str) -> None:
    assert judge(text, RULES).action == "allow"


@pytest.mark.parametrize("text", ["uninstall dota", "report mid", "0 iq", "boosted animal"])
def test_taunts_are_told_to_moderators(text: str) -> None:
    assert judge(text, RULES).action == "alert"
