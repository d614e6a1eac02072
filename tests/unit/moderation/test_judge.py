"""judge(): what English texts come to under each policy, and what holds for any text."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.moderation import POLICIES, Context, Verdict, fingerprint, judge

# The rules alone: what the model makes of a text changes with its weights.
STANDARD = replace(POLICIES["standard"], model=None)

EVASIONS = [
    "fuck this queue",
    "those filthy towel heads",
    "you sh1t camper",
    "what a b!tch",
    "eat my a$$hole",
    "fvck off then",
    "oh f@ck no",
    "f u c k your team",
    "f.u.c.k the ref",
    "sh it",
    "fuc k that guy",
    "fuuuuuck",
    "bbbitch please",
    "f**k the tutorial",
    "f***",
    "sh-t loot again",
    "s * h * t",
    "fuc\u043a you",  # Cyrillic ka
    "f\u200bu\u200bck",
    "\U0001d4ef\U0001d4fe\U0001d4ec\U0001d4f4 lag",  # mathematical script
    "\uff42\uff49\uff54\uff43\uff48",  # full width
    "\u24d2\u24e4\u24dd\u24e3",  # circled
    "s\u0337h\u0337i\u0337t\u0337",
    "k.y.s",
    "k1ll yourself",
    "$#!t server",
    "m0therfucker",
]

INNOCENTS = [
    # Names of people and places.
    "Mr Shittu won the race",
    "a day in Twatt, Orkney",
    # Cyrillic and Greek words that only hold look-alikes.
    "у них широкие полномочия",
    "личное мнение",
    "мій лікар сьогодні вдома",
    "радкі і номҳо",
    "това едва ли е така",
    "имаат ли право",
    "το ήθος του",
    "Scunthorpe lost two nil",
    "the assassin class needs a nerf",
    "cocktail bar in Essex",
    "pass the grass seed",
    "I scrap it for parts",
    "shiitake and noodles",
    "our analysis of the therapist",
    "F. U. C. are my initials",
    "answer a.s.a.p. please",
    "it was hit by a truck",
    "let's hit the road",
    "those who're late",
    "the rapper drew a crowd",
    "annals of the guild",
    "r u l e s first",
    "x**2 + y**2",
    "a raccoon and a tycoon",
    "snigger at the shuttlecock",
    "5h17m left, 455 to go",
    "queue.shift() returns None",
    "hoe laat is het daar",
    "weet jij hoe dat werkt",
    "that manual is gobbledy-gook",
    "it leaks from the auto tranny",
    "stop pussy footing about",
    "the road to Ho Chi Minh City",
    "a ho-hum kind of day",
    "please welcome Phuc to the room",
    "new boots from Dick's Sporting Goods",
    "the cock crowed before six",
    "we keep cocks and hens",
    "faggots and peas for lunch",
    "the dykes of Holland",
    "you will kill yourself laughing",
    "another sob story",
    "poof, the cake was gone",
    "the fk on that table is wrong",
    "ask the mfr for the datasheet",
    "her name is Randi",
    "cum grano salis, of course",
    "do not shoot yourself in the foot",
    "that is enough rope to hang yourself",
    "the film blew me away, it will blow me away again",
    "never prick your finger on that",
    "a chink in her armour",
    "chinks of light in the barn",
    "he sniggered and discontinued it",
]

SWALLOWED = [
    "the faggots of this guild",
    "watch this retard the whole round",
    "a chink in my lobby",
    "i'll shoot you a hole in the chest",
    "i will shoot you and your dog",
    "kill yourself laughing then",
    "go to hell's kitchen and stay",
    "you brain dead scripter",
    "you trash can player",
    "what great tits on that one",
]


@pytest.mark.parametrize(
    "text",
    [
        "she is such a ho",
        "that was fucking brilliant",
        "my week is fucked up",
        "I've got shit to do",
        "holy shit, the build is green!",
        "fuck yeah!!!",
    ],
)
def test_swearing_for_joy_or_dismay_is_starred(text: str) -> None:
    verdict = judge(text, STANDARD)
    assert verdict.action == "mask"
    assert "*" in verdict.masked


def test_a_number_before_a_word_is_no_letter_of_it() -> None:
    assert judge("bring 5 picks for the guitar", STANDARD).action == "allow"


@pytest.mark.parametrize("text", EVASIONS)
def test_standard_rejects_a_swear_word_under_any_disguise(text: str) -> None:
    verdict = judge(text, STANDARD)
    assert verdict.action == "reject"
    assert verdict.reason in ("blocked_word", "harassment")


@pytest.mark.parametrize("text", INNOCENTS)
def test_innocent_words_pass(text: str) -> None:
    assert judge(text, STANDARD) == Verdict("allow", 0.0, (), text, None)


@pytest.mark.parametrize("text", SWALLOWED)
def test_an_exception_is_no_longer_than_what_is_innocent(text: str) -> None:
    assert judge(text, STANDARD).action != "allow"


def test_a_hit_says_where_it_was_found_and_how() -> None:
    verdict = judge("well, f.u.c.k off", STANDARD)
    assert verdict.as_json() == {
        "action": "reject",
        "score": verdict.score,
        "rules": [
            {
                "rule": "words",
                "severity": 3,
                "start": 6,
                "end": 13,
                "matched": "f.u.c.k",
                "view": "collapsed",
            }
        ],
        "masked": "well, ******* off",
    }
    assert 0.0 < verdict.score <= 1.0


@pytest.mark.parametrize(
    ("policy", "text", "action"),
    [
        ("off", "fuck", "allow"),
        ("relaxed", "fuck", "mask"),
        ("relaxed", "kill yourself", "reject"),
        ("relaxed", "damn", "allow"),
        ("standard", "damn, what the hell", "allow"),
        ("standard", "my ass", "mask"),
        ("standard", "i will kill you", "reject"),
        ("standard", "i want to kill myself", "alert"),
        ("strict", "damn", "reject"),
    ],
)
def test_policies(policy: str, text: str, action: str) -> None:
    assert judge(text, POLICIES[policy]).action == action


def test_threats_are_rejected_as_harassment() -> None:
    assert judge("i know where you live", STANDARD).reason == "harassment"


def test_what_a_policy_allows_is_not_masked_but_told() -> None:
    verdict = judge("damn lag", STANDARD)
    assert verdict.masked == "damn lag"
    assert [hit.matched for hit in verdict.hits] == ["damn"]
    assert verdict.reason is None


def test_too_long_under_every_policy() -> None:
    for policy in POLICIES.values():
        verdict = judge("a" * (policy.max_length + 1), policy)
        assert (verdict.action, verdict.reason) == ("reject", "too_long")
        assert judge("a" * policy.max_length, policy).action == "allow"


def test_the_third_repeat_is_spam() -> None:
    said = "join my guild today"
    assert judge(said, STANDARD, Context(recent=(fingerprint(said),) * 2)).action == "allow"
    written = ("JOIN my guild today!!", "join  my guild todayyy", "j o i n my guild today")
    variants = tuple(map(fingerprint, written))
    assert judge(said, STANDARD, Context(recent=variants)).reason == "spam"
    assert judge(said, STANDARD, Context(recent=variants, trusted=True)).action == "allow"
    assert judge("gg", STANDARD, Context(recent=(fingerprint("gg"),) * 9)).action == "allow"


def test_too_many_mentions() -> None:
    names = " ".join(f"@player{n}" for n in range(11))
    assert judge(names, STANDARD).reason == "mentions"
    assert judge(names.rsplit(maxsplit=1)[0], STANDARD).action == "allow"


def test_zalgo_is_held_and_ordinary_accents_are_not() -> None:
    assert judge(("e" + "\u0300\u0316\u0301\u0317\u0302") * 6, STANDARD).reason == "spam"
    assert judge("Việt Nam và tiếng Việt".encode().decode(), STANDARD).action == "allow"


def test_a_mask_keeps_graphemes_whole() -> None:
    text = "shit\u0301\u0302 👩\u200d💻"
    assert judge(text, STANDARD).masked == "****** 👩\u200d💻"


@pytest.mark.parametrize(
    "text",
    [
        "\u0301",
        "\ud800 half \udfff",
        "a" + "\u0301" * 1999,
        "\u202e" * 2000,
        "([{<" * 500,
        "시 발 " * 600,
        "👩\u200d" * 600,
        "",
        "\x00",
    ],
)
def test_strange_texts_are_taken(text: str) -> None:
    for policy in POLICIES.values():
        assert len(judge(text, policy).masked) == len(text)


PIECES = st.sampled_from(
    [
        *("fuck", "s", "h", "1", "t", " ", ".", "*", "'", "\n", "@a", "x.com"),
        *("시", "발", "ㅅ", "ㅂ", "ㅣ", "\u1109", "\u1175", "\u0301", "\u200d", "\ud800"),
        *("ﬁ", "𝓯", "🇺", "👩", "İ", "ẞ", "½"),
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join)))
def test_offsets_are_those_of_the_text_as_written(text: str) -> None:
    for policy in POLICIES.values():
        verdict = judge(text, policy)
        assert len(verdict.masked) == len(text)
        assert 0.0 <= verdict.score <= 1.0
        for hit in verdict.hits:
            assert 0 <= hit.start < hit.end <= len(text)
            assert text[hit.start : hit.end] == hit.matched
