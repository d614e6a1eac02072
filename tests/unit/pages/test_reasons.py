"""The parts of the pages that need no database."""

from __future__ import annotations

import pytest

from bus.pages.history import rows_of
from bus.protocol.objects import Author, Message
from bus.protocol.types import canonical_name


def line(seq: int, author: int | str | None, at: str, name: str = "mina") -> Message:
    return Message(
        id=str(seq),
        seq=seq,
        changed=seq,
        room="lobby",
        author=Author(id=author, name=name),
        body="hi",
        posted_at=f"2026-11-21T{at}Z",
        client_id=f"c{seq}",
    )


def test_a_name_is_shown_once_for_lines_that_follow_each_other() -> None:
    rows = rows_of(
        [
            line(1, 7, "10:00:00.000"),
            line(2, 7, "10:04:59.000"),
            line(3, 7, "10:10:00.000"),
            line(4, "g1", "10:10:01.000"),
            line(5, None, "10:10:02.000", name="deploys"),
            line(6, None, "10:10:03.000", name="alerts"),
        ],
        visitor_id=7,
    )
    assert [row.follows for row in rows] == [False, True, False, False, False, False]
    assert [row.is_mine for row in rows] == [True, True, True, False, False, False]
    assert rows[0].initial == "M"


@pytest.mark.parametrize(
    ("name", "canonical"),
    [("lobby", "lobby"), ("자유방", "자유방"), ("a b", None), ("", None), ("x" * 65, None)],
)
def test_names_of_rooms(name: str, canonical: str | None) -> None:
    assert canonical_name(name) == canonical
