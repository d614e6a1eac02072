"""The one table of Hangul agrees with Unicode's own data."""

import unicodedata

from bus.moderation.text.confusables import JAMO
from bus.moderation.text.hangul import to_jamo, to_keys

KEYS = {"ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ"} | {
    "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip


def test_every_syllable_comes_apart_as_unicode_has_it() -> None:
    for code in range(ord("가"), ord("힣") + 1):
        parts = [JAMO[part] for part in unicodedata.normalize("NFD", chr(code))]
        assert to_jamo(chr(code)) == "".join(KEYS.get(part, part) for part in parts)


def test_keys_are_those_of_a_keyboard_left_in_english() -> None:
    assert to_keys("시발 값을 넣어") == "tlqkf rkqtdmf sjgdj"
