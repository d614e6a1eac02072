"""Which languages a text may be of, and that a term of another one does not count in it."""

import unicodedata
from dataclasses import replace

import pytest

from bus.moderation import POLICIES, Policy, judge
from bus.moderation.language.spoken import Spoken

ENGLISH = frozenset({"en"})
RULES = replace(POLICIES["standard"], model=None)


def found(text: str, policy: Policy = RULES) -> list[str]:
    return [hit.matched for hit in judge(text, policy).hits]


@pytest.mark.parametrize(
    "text",
    [
        # Dutch, French, Scandinavian, Romanian, Finnish, Slavic, Hungarian, Indonesian, Turkish.
        "je kunt het morgen halen",
        "dat is een goede hoe dan ook",
        "salut et à plus tard",
        "le train a du retard",
        "filmen är slut nu",
        "det var hans slag mot ham",
        "hun har tre fag på skolen",
        "nei vi slutter ikke nå",
        "cum ai dormit azi?",
        "mikä sinun nimi on?",
        "co się z nimi stało",
        "lék pijte dva puta dnevno jer je tako bolje",
        "ez tőled függ",
        "sikap itu tidak baik",
        "dik dur ve bana bak",
        # As it is spelt, it is a word.
        "függ",
        # Of no English word.
        "zorvenak britule kanovist dremula cum postirel vandique morsibel trandule",
    ],
)
def test_everyday_words_of_other_languages_pass(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("you stupid kunt", "kunt"),
        ("kunt", "kunt"),
        ("what a slut", "slut"),
        ("shut up fag", "fag"),
        # One small word of two letters says too little.
        ("la kunt", "kunt"),
        # Letters that nobody needs.
        ("yöu slut", "slut"),
        # Names and addresses are of no language.
        ("kunt @het_niet https://example.nl/een/van/wordt", "kunt"),
        # Letter by letter.
        ("F U C K Y O U C I V I L M E N", "F U C K"),
    ],
)
def test_english_texts_are_judged_as_ever(text: str, word: str) -> None:
    assert word in found(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("wat the fuck is dit nou weer", "fuck"),
        ("det är ju bara bullshit", "bullshit"),
        ("to jest jakiś f**k", "f**k"),
        ("это же ѕһіт какой-то", "ѕһіт"),
    ],
)
def test_what_everybody_swears_with_counts_in_any_language(text: str, word: str) -> None:
    assert found(text) == [word]


def test_whoever_swears_so_swears_in_the_other_words_too() -> None:
    assert found("wat een slut en bitch is dit") == ["slut", "bitch"]
    assert found("wat een slut is dit") == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("eso es una puta mentira", "puta"),
        ("co za kurwa dzień", "kurwa"),
        ("das ist doch scheisse", "scheisse"),
        ("что за сука это", "сука"),
        ("it was like, puta madre", "puta"),
    ],
)
def test_a_language_s_own_swearing_counts_in_it_and_in_english(text: str, word: str) -> None:
    assert found(text) == [word]


def test_accents_may_be_letters_of_their_own() -> None:
    apart = unicodedata.normalize("NFD", "mikä sinun nimi on?")
    assert len(apart) > len("mikä sinun nimi on?")
    assert found(apart) == []


def test_many_are_no_chance_in_any_language() -> None:
    slag = "het was een slag van niet "
    assert found(slag * 2) == []
    assert "slag" in found(slag * 25)


def test_korean_counts_whatever_is_around_it() -> None:
    assert found("das ist ja 씨발 nicht wahr") == ["씨발"]


def test_advertising_counts_where_it_may_be_of_its_language() -> None:
    assert judge("free v-bucks, claim your prize at http://x.example", RULES).reason == "spam"
    words = "voor de prijs: call text win cash urgent reward mobile offer"
    assert judge(f"{words} 08 00 en dan heb je het niet meer", RULES).action == "allow"


def test_the_model_says_nothing_of_languages_that_it_has_not_learned() -> None:
    insult = "hopeless useless pathetic stupid loser clown nobody likes your ugly face"
    assert judge(insult, POLICIES["strict"]).hits
    # The same letters among Danish ones.
    among = "du er ikke hvad han sagde om dig og det var jeg også: "
    only_model = replace(POLICIES["strict"], ladders={"model": POLICIES["strict"].ladders["model"]})
    danish = judge(among + "idiot idiot stupid loser dum bitch pussy", only_model)
    assert [hit for hit in danish.hits if hit.rule == "model"] == []


ROOMS = [
    # In an English room foreign small words change nothing.
    (["en"], "je kunt het", ["kunt"]),
    (["en", "ko"], "slut och det är bra", ["slut"]),
    # In a room of others a word alone is theirs, and an English message is English.
    (["nl"], "kunt", []),
    (["nl"], "you stupid kunt", ["stupid", "kunt"]),
    (["nl", "en"], "kunt", ["kunt"]),
    (["nl", "en"], "je kunt het", []),
    # What shows itself to be Spanish is judged as Spanish anywhere.
    (["en"], "eso es una puta mentira", ["puta"]),
    (["hr"], "dva puta", []),
    (["hr"], "eso es una puta mentira", ["puta"]),
    (["fi"], "nimi", []),
    (["nl"], "what the fuck", ["fuck"]),
    (["nl"], "이 씨발", ["씨발"]),
]


@pytest.mark.parametrize(("languages", "text", "words"), ROOMS)
def test_rooms_say_what_is_spoken_there(languages: list[str], text: str, words: list[str]) -> None:
    policy = Policy.from_parts(RULES, {"languages": languages})
    assert found(text, policy) == words
    assert Policy.from_parts(RULES, policy.as_parts()) == policy


def test_a_language_that_nothing_is_known_of_is_refused() -> None:
    with pytest.raises(ValueError, match=r"languages: no language 'xx'; there are .*nl"):
        Policy.from_parts(RULES, {"languages": ["xx"]})


def test_a_long_text_is_no_longer_looked_at_than_it_tells_something() -> None:
    spoken = Spoken("niet het een " * 32 + "the and you what where " * 500)
    assert not spoken.may_be(ENGLISH, "kunt")
    assert spoken.may_be(frozenset({"nl"}), "kunt")
