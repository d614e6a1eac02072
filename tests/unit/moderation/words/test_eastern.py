"""Words of scripts without spaces: where they begin and end, and what parts their letters."""

from dataclasses import replace

import pytest

from bus.moderation import POLICIES, judge
from bus.moderation.words.eastern import alone_left, alone_right, word_left, word_right

RULES = replace(POLICIES["standard"], model=None)


@pytest.mark.parametrize(
    ("text", "word", "alone", "a_word"),
    [
        ("お前カスだな", "カス", True, True),
        ("カスタム", "カス", False, False),
        ("スーパーカス", "カス", False, False),
        ("カスーっ!", "カス", True, True),
        # Hiragana between others, and after and before what Japanese puts there.
        ("動かす", "かす", True, True),
        ("いかす", "かす", False, False),
        ("このくそが", "くそ", False, True),
        ("よくそう言う", "くそ", False, False),
    ],
)
def test_a_word_ends_where_another_begins(text: str, word: str, alone: bool, a_word: bool) -> None:
    start = text.index(word)
    end = start + len(word)
    assert (alone_left(text, start) and alone_right(text, end)) is alone
    assert (word_left(text, start) and word_right(text, end)) is a_word


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("傻*逼", "傻*逼"),
        ("操 你 妈", "操 你 妈"),
        ("操。你。妈", "操。你。妈"),
        ("バカやロウ", "バカやロウ"),
        ("ク☆ソ☆野☆郎", "ク☆ソ☆野☆郎"),
        # Two words that meet, and a sentence that ends.
        ("装傻,逼他说实话", None),
        ("傻 逼他说实话", None),
        ("傻lol逼", None),
        # ピンク and その, メッシ and ね.
        ("ピンクその野郎", None),
        ("メッシねや", None),
    ],
)
def test_letters_that_are_parted_or_of_both_kana(text: str, found: str | None) -> None:
    assert [hit.matched for hit in judge(text, RULES).hits] == ([found] if found else [])


def test_an_exception_holds_for_parted_letters() -> None:
    assert judge("体 操 你 做 完 了 吗", RULES).hits == ()
