"""What is to be made in one place is made in no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# What is made, by whom alone.
HOMES = {
    # The broker and the external judge wait for other servers there, not for the database.
    r"\bThreadPoolExecutor\(": {
        "bus/broker/worker/worker.py",
        "bus/database/threads.py",
        "bus/enforcement/external_classifier.py",
    },
    # What a web process keeps is one object, found by its event loop.
    r"\bWeakKeyDictionary\b": {"bus/consumers/web_process.py"},
    # What a listener missed is read there, and asked for by the hub's parts and the page of a room.
    r"changed__gt=": {"bus/posting/catch_up.py"},
    r"\bcatch_up\.(heads|recover|snapshots|events_since)\b": {
        "bus/pages/views.py",
        "bus/realtime/gap_repair.py",
        "bus/realtime/hub.py",
        "bus/realtime/recovery.py",
    },
}


@pytest.mark.parametrize("made", HOMES)
def test_it_is_made_in_one_place(made: str) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "bus").rglob("*.py")
        if re.search(made, path.read_text("utf-8"))
    }
    assert found == HOMES[made]
