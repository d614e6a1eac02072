"""ARCHITECTURE.md says which files a change touches: each that was tried is a patch, and agrees."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from scripts.generate import FILES

ROOT = Path(__file__).resolve().parents[3]
CHANGES = Path(__file__).with_name("changes")
SECTION = (
    (ROOT / "ARCHITECTURE.md")
    .read_text("utf-8")
    .split("\n### What a change touches\n")[1]
    .split("\n## ")[0]
)
TRIED = re.compile(r"\(\[tried\]\(tests/unit/repository/changes/(\w+)\.patch\)\)")
# Named for all rows by the sentence under the table.
EVERYWHERE = ("bus/locale/", "tests/", *FILES)


def rows() -> dict[str, str]:
    """What each row with a patch says, by the patch's name."""
    lines = [line for line in SECTION.splitlines() if line.startswith("|")]
    return {found[1]: TRIED.sub("", line) for line in lines if (found := TRIED.search(line))}


def named(row: str) -> set[str]:
    """The files and folders (with a slash) that a row names; `x.py` may stand beside `a/b.py`."""
    found: set[str] = set()
    folder = ""
    for path in re.findall(r"`([\w/]+(?:/|\.py|\.lua))`", row):
        whole = path if "/" in path else folder + path
        folder = whole[: whole.rindex("/") + 1]
        found.add(whole)
    return found


def touched(patch: Path) -> set[str]:
    """The files that a patch changes, makes or takes away."""
    return set(re.findall(r"^diff --git a/(\S+) b/\1$", patch.read_text("utf-8"), re.M))


def unnamed(files: set[str], row: str) -> set[str]:
    """Those of the files that neither the row nor the sentence under the table names."""
    known = named(row) | set(EVERYWHERE)
    return {
        file
        for file in files
        if not any(file == each or (each[-1] == "/" and file.startswith(each)) for each in known)
    }


def test_each_patch_has_its_row_and_each_tried_row_its_patch() -> None:
    assert set(rows()) == {patch.stem for patch in CHANGES.iterdir()}
    assert len(rows()) >= 6


@pytest.mark.parametrize("change", sorted(rows()))
def test_a_change_touches_what_its_row_names_and_nothing_else(change: str) -> None:
    files = touched(CHANGES / f"{change}.patch")
    assert files
    assert not unnamed(files, rows()[change]), "the row in ARCHITECTURE.md does not name these"


@pytest.mark.parametrize("change", sorted(rows()))
def test_a_tried_change_still_applies(change: str) -> None:
    patch = CHANGES / f"{change}.patch"
    tried = subprocess.run(
        ["git", "apply", "--check", str(patch)], cwd=ROOT, capture_output=True, text=True
    )
    again = f"Try the change again, and write the patch anew: git diff -U1 > {patch.name}"
    assert tried.returncode == 0, f"{tried.stderr}\n{again}"


def test_a_file_that_no_row_names_is_seen() -> None:
    row = "| a thing | a line in `bus/protocol/commands.py` or `events.py`, one in `bus/api/` |"
    files = {"bus/protocol/events.py", "bus/api/x.py", "docs/protocol.md", "tests/unit/test_x.py"}
    assert unnamed(files, row) == set()
    assert unnamed({"bus/protocol/objects.py", "bus/apis.py"}, row) == {
        "bus/protocol/objects.py",
        "bus/apis.py",
    }
