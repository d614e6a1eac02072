"""What is made from the code was made anew: tables of the docs, constants of the clients."""

from __future__ import annotations

import pytest

from scripts.generate import FILES, ROOT


@pytest.mark.parametrize("name", FILES)
def test_what_is_made_from_the_code_is_up_to_date(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert text == FILES[name](text), f"{name} is stale: run `make docs`"


@pytest.mark.parametrize(
    ("name", "needles"),
    [
        ("docs/protocol.md", ["| `message.send`", "| `message.settled`", "| `rate_limited`"]),
        ("docs/protocol.md", ["| `event.requested`", "| `blocked_word`", "| 4429 |"]),
        ("docs/http.md", ["| `busy` | 503 |"]),
        ("docs/settings.md", ["| `BUS_FRAME_LIMIT` |"]),
        ("bus/static/bus/client.js", ['4401: "unauthenticated"', '"message.posted": "message"']),
        ("bus/static/bus/client.d.ts", ['"room.join"', '"room.changed"', '"muted"', '"too_slow"']),
        ("bus/static/bus/room/reasons.js", ["  blocked_word: gettext(", "  muted: gettext("]),
        ("bus/client/constants.py", ["CLOSE_TOO_MANY = 4429"]),
    ],
)
def test_every_file_has_its_marks(name: str, needles: list[str]) -> None:
    text = (ROOT / name).read_text("utf-8")
    for needle in needles:
        assert needle in text
        emptied = text.replace(needle, "")
        assert FILES[name](emptied) == text, f"{needle} of {name} is not made"
