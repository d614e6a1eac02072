"""The signs of languages: their list, and what shows by words, letters and scripts."""

import pytest

from bus.moderation.language.signs import confined, script_of, signs
from bus.moderation.words.terms import languages


@pytest.mark.parametrize(
    ("word", "languages"),
    [
        ("niet", {"nl"}),
        ("inte", {"sv"}),
        ("että", {"fi"}),
        ("etta", {"fi"}),
        ("będzie", {"pl"}),
        ("thanks", {"en"}),
        # An accent that nobody needs is no letter of another language.
        ("thänks", {"en"}),
        ("őrült", {"hu"}),
        ("zork", set()),
    ],
)
def test_a_word_is_a_sign_of_languages(word: str, languages: set[str]) -> None:
    assert signs().of(word) == languages


def test_letters_are_of_the_languages_that_have_all_of_them() -> None:
    assert "sv" in signs().of("örzål")
    assert "de" not in signs().of("örzål")


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("good", "LATIN"),
        ("ｇｏｏｄ", "LATIN"),
        ("рaw", "LATIN"),
        ("рука", "CYRILLIC"),
        ("λόγος", "GREEK"),
        ("ㅋㅋ good", "HANGUL"),
        ("かな漢字", "EASTERN"),
        ("漢", "EASTERN"),
        ("123 🙂", ""),
    ],
)
def test_scripts(text: str, script: str) -> None:
    assert script_of(text) == script


def test_hangul_alone_says_which_language_it_is_of() -> None:
    assert confined("가나다")
    assert not confined("рука")
    assert not confined("hand")


def test_every_language_with_a_list_has_signs() -> None:
    assert set(languages()) <= signs().languages
