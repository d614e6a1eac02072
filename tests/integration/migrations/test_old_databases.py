"""The database of every version that the changelog names is migrated to now, and keeps its rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bus.protocol.types import canonical_name
from bus.unicode.normal_form import nfc
from scripts.old_databases import ROOT, Version, fill, versions
from tests.support.old_database import OldDatabase, Row, old_database

# What people wrote, did and were told, which a version has rows of if it has the table.
KEPT = [
    *("auth_user", "bus_room", "bus_member", "bus_message", "bus_review", "bus_sanction"),
    *("bus_queuedsend", "bus_apikey", "bus_readmark", "bus_report", "bus_strike", "bus_label"),
    *("bus_auditentry", "bus_dryrun", "bus_arrival", "bus_guestnetwork", "bus_sanctionnetwork"),
    *("bus_takenname", "bus_erasure", "bus_taskresult"),
]
# Texts that a migration to 0.1.4 composed, with the characters that fit there.
COMPOSED = {
    ("bus_message", "body"): None,
    ("bus_message", "author_name"): 150,
    ("bus_room", "title"): 120,
    ("bus_room", "topic"): 500,
    ("bus_label", "text"): None,
}
# The history of a room, a login, whose names are taken and which rooms are found, by today's code.
LOOK = """
import json
from django.contrib.auth.models import User
from bus.chat import history
from bus.models import Listing, Room, TakenName
lobby = Room.objects.get(name="lobby")
print(json.dumps({
    "history": [[m.seq, m.author.name, m.body] for m in history.page(lobby, None, None, 50)[0]],
    "mina": User.objects.get(username="mina").check_password("correct horse battery"),
    "taken": list(TakenName.objects.filter(kind="person").values_list("name", flat=True)),
    "found": list(Listing.objects.values_list("room__name", flat=True)),
}))
"""


def as_now(table: str, column: str, row: Row, names: set[str]) -> Any:
    """What a value of an old row is expected to be now."""
    value = row[column]
    if (table, column) in COMPOSED:
        limit, composed = COMPOSED[table, column], nfc(value)
        return composed if limit is None or len(composed) <= limit else value
    if (table, column) == ("bus_room", "name"):
        canonical = canonical_name(value)
        return value if canonical is None or canonical in names else canonical
    return value


@pytest.mark.parametrize("version", versions(), ids=lambda version: version.name)
def test_what_a_version_stored_is_there_after_its_migration(
    version: Version, tmp_path: Path
) -> None:
    with old_database(version, tmp_path) as database:
        before = database.tables()
        database.manage("migrate", "--verbosity=0")
        after = database.tables()
        seen = json.loads(database.manage("shell", "--verbosity=0", "-c", LOOK).splitlines()[-1])

    stored = [table for table in KEPT if table in before]
    assert len(stored) >= 7
    assert all(before[table] for table in stored)
    rooms = {row["name"] for row in before["bus_room"]}
    # From 0.1.4 on, texts and names were composed when they were written, not by a migration.
    changes = not any(row["name"] == "0015_text_in_nfc" for row in before["django_migrations"])
    for table in stored:
        now = {row["id"]: row for row in after[table]}
        for row in before[table]:
            kept = {name: now[row["id"]].get(name) for name in row}
            expected = {name: as_now(table, name, row, rooms) for name in row} if changes else row
            assert kept == expected, table
    assert [1, "guest-1a2b", "hello all"] in seen["history"]
    assert [3, "mina", "welcome!"] in seen["history"]
    assert seen["mina"]
    assert {"mina", "demo", "mod"} <= set(seen["taken"])
    assert {"lobby", "launch", "backstage"} <= set(seen["found"])
    assert "archive_2025" not in seen["found"]


def test_the_version_in_the_making_can_have_its_rows_made(tmp_path: Path) -> None:
    database = OldDatabase(f"sqlite:///{tmp_path / 'new.sqlite3'}", "sqlite")
    fill(ROOT, tmp_path, database.url)
    tables = database.tables()
    assert [name for name in tables if name.startswith("bus_") and not tables[name]] == []
    assert {name for name in tables if name.startswith("bus_")} <= {*KEPT, "bus_listing"}


@pytest.mark.parametrize("version", versions(), ids=lambda version: version.name)
def test_a_version_has_rows_that_no_door_takes_any_more(version: Version, tmp_path: Path) -> None:
    with old_database(version, tmp_path) as database:
        tables = database.tables()
        nuls = database.kind == "sqlite"
    texts = [
        value for table in KEPT for row in tables.get(table, []) for value in row.values()
        if isinstance(value, str)
    ]  # fmt: skip
    assert any(nfc(text) != text and len(nfc(text)) > 150 for text in texts)
    assert any(nfc(text) != text and len(nfc(text)) < len(text) for text in texts)
    assert not nuls or any("\0" in text for text in texts)
