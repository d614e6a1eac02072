"""How `manage.py bus` shows and reads times, and keeps strangers' words from the terminal."""

import pytest
from django.core.management import CommandError

from bus.management.output import age, clock, in_line, parse_time, printable, table

NOW = 1_795_226_400_123


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("now", NOW),
        ("90s", NOW - 90_000),
        ("1.5h", NOW - 5_400_000),
        ("2d", NOW - 172_800_000),
        ("2026-11-21", 1_795_219_200_000),
        ("2026-11-21T02:00:00.123Z", 1_795_226_400_123),
        ("2026-11-21 11:00:00.123+09:00", 1_795_226_400_123),
    ],
)
def test_times_are_read(text: str, ms: int) -> None:
    assert parse_time(text, NOW) == ms


@pytest.mark.parametrize("text", ["", "yesterday", "-1h", "5", "5w"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(CommandError, match="is no time"):
        parse_time(text, NOW)


def test_what_is_shown_can_be_read_back() -> None:
    assert parse_time(clock(NOW), 0) == NOW


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (0.04, "0.0s"), (61, "1m 1s"), (3661, "1h 1m"), (200_000, "2d 7h")],
)
def test_ages(seconds: float | None, text: str) -> None:
    assert age(seconds) == text


def test_nothing_steers_the_terminal() -> None:
    assert printable("a\x1b[2J\x9b\u202eb\n\tc") == "a\\u001b[2J\\u009b\\u202eb\n\tc"
    assert in_line("a\nb  c", 10) == "a b c"
    assert in_line("abcdef", 4) == "abc…"


def test_columns_stand_under_each_other_in_korean_too() -> None:
    assert table(("name", "n", "who"), [("자유", "12", "x"), ("a", "3", "y")]) == (
        "name   n  who\n자유  12  x\na      3  y"
    )
