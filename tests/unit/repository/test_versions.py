"""The changelog's versions: each has its commit, its day, and a database that tests migrate."""

from __future__ import annotations

import re
import subprocess

import pytest

from scripts.old_databases import KINDS, ROOT, Version, versions


def git(*arguments: str) -> str:
    """What git says; "" where it says no."""
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def test_each_version_but_the_one_in_the_making_names_its_commit() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    made = [f"{version.name} — {version.date}, {version.commit}" for version in versions()]
    assert [heading for heading in headings if not heading.endswith("— unreleased")] == made
    assert len(made) >= 5
    assert headings[-1].startswith("0.1.0 ")


def test_versions_are_the_newest_first() -> None:
    numbers = [tuple(map(int, version.name.split("."))) for version in versions()]
    assert numbers == sorted(set(numbers), reverse=True)


@pytest.mark.parametrize("version", versions(), ids=lambda version: version.name)
@pytest.mark.parametrize("kind", KINDS)
def test_each_version_has_its_database(version: Version, kind: str) -> None:
    text = version.dump(kind).read_text("utf-8")
    assert re.search(r'INSERT INTO "?(public\.)?bus_message', text)


@pytest.mark.parametrize("version", versions(), ids=lambda version: version.name)
def test_each_version_is_a_commit_of_its_day_in_the_history(version: Version) -> None:
    if git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("the history is not here: a shallow clone, or no clone")
    assert git("merge-base", version.commit, "HEAD").startswith(version.commit)
    assert git("show", "-s", "--format=%ad", "--date=short", version.commit) == version.date
