"""Innocent words that look like a disguised term."""

import pytest

from bus.moderation import POLICIES, judge


@pytest.mark.parametrize(
    "text",
    [
        "the dogs wait in two shelters",
        "a mule and its blotchy coat",
        "the shelties sleep",
        "who brings the goodies?",
        "we take roshan after this wave",
        "the rotor's bearing squeaks",
        "a ring of lapis and silver",
        "the oped was about taxes",
    ],
)
def test_they_pass(text: str) -> None:
    assert judge(text, POLICIES["standard"]).hits == ()


@pytest.mark.parametrize("text", ["you shlt", "dlck move", "kcuf this", "what a reggin"])
def test_disguises_like_theirs_do_not(text: str) -> None:
    assert judge(text, POLICIES["standard"]).action != "allow"


def test_letters_on_their_head_are_read_and_plain_ones_are_not() -> None:
    assert judge("ɹǝƃƃᴉu", POLICIES["standard"]).action == "reject"
    assert judge("gather at the prater", POLICIES["standard"]).hits == ()
