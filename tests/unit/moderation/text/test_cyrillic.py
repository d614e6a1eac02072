"""Cyrillic words that mix in other letters, read by looks and by sound."""

import pytest

from bus.moderation.text.cyrillic import as_cyrillic
from bus.moderation.text.normalise import normalise


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("мoлoкo и xлeб", "молоко и хлеб"),
        ("3доровье", "здоровье"),
        ("nилот", "пилот"),
        ("nога", "нога"),
        ("мyзыка", "музыка"),
        ("бaнk", "банк"),
        ("бuлет", "билет"),
        ("nушka @ptист", "пушка артист"),
        ("к о т", "к о т"),
        ("к*т", "к*т"),
        ("go, мoлoкo 42", "\x1f\x1f, молоко \x1f\x1f"),
    ],
)
def test_a_mixed_word_is_read_as_cyrillic(text: str, reading: str) -> None:
    readings = as_cyrillic(normalise(text))
    assert reading in [normal.folded for normal in readings]
    assert all(normal.span(0, len(normal.folded)) == (0, len(text)) for normal in readings)


@pytest.mark.parametrize(
    "text", ["plain words", "обычные слова", "два words", "씨 한글", "r2d2 и мы"]
)
def test_where_nothing_mixes_there_is_no_other_reading(text: str) -> None:
    assert as_cyrillic(normalise(text)) == []
