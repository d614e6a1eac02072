"""Refuses files of over 300 lines that are not named below with a reason; `make check` runs it.

Migrations, catalogues of translations, locks and databases of old versions are not looked
at: nobody writes them by hand.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 300
KINDS = {".py", ".js", ".mjs", ".ts", ".lua", ".css", ".html", ".c", ".md", ".txt"}
_GENERATED = {"migrations", "locale", "requirements", "databases"}

_ONE_SUBJECT = "the tests of one subject, which share their fixtures"
# Each with why it is best in one piece.
REASONS = {
    "CHANGELOG.md": "one list of all versions",
    "benchmarks/generator.c": "one program, compiled as one file",
    "benchmarks/fanout.py": "one measurement, from its processes to its table",
    "bus/conf/table.py": "one table of all settings: who looks for one does not know its file",
    "bus/moderation/words/lists/en.txt": "one list of a language's terms",
    "bus/moderation/words/lists/ko.txt": "one list of a language's terms",
    "bus/static/bus/client.js": "what people embed is one file, without a build step",
    "docs/moderation.md": "the one page for operators, generated tables included",
    "tests/chaos/test_stops.py": _ONE_SUBJECT,
    "tests/integration/broker/test_channel_layer.py": _ONE_SUBJECT,
    "tests/integration/broker/test_clock.py": _ONE_SUBJECT,
    "tests/integration/broker/test_wrong_type.py": _ONE_SUBJECT,
    "tests/integration/broker/worker/test_worker.py": _ONE_SUBJECT,
    "tests/integration/browser/test_writing.py": _ONE_SUBJECT,
    "tests/integration/consumers/test_access_watcher.py": _ONE_SUBJECT,
    "tests/integration/consumers/test_changes.py": _ONE_SUBJECT,
    "tests/integration/consumers/test_session.py": _ONE_SUBJECT,
    "tests/integration/enforcement/test_room_policies.py": _ONE_SUBJECT,
    "tests/integration/enforcement/test_strikes.py": _ONE_SUBJECT,
    "tests/integration/management/test_bus.py": _ONE_SUBJECT,
    "tests/integration/posting/test_edit.py": _ONE_SUBJECT,
    "tests/integration/review/test_reviews.py": _ONE_SUBJECT,
    "tests/integration/workers/test_workers.py": _ONE_SUBJECT,
    "tests/unit/client/test_unsettled.py": _ONE_SUBJECT,
    "tests/unit/realtime/test_hub.py": _ONE_SUBJECT,
    "tests/unit/test_project_checks.py": _ONE_SUBJECT,
    "tests/unit/static/connection.test.mjs": _ONE_SUBJECT,
    "tests/unit/static/keeping.test.mjs": _ONE_SUBJECT,
    "tests/unit/static/room.test.mjs": _ONE_SUBJECT,
    "tests/unit/static/sending.test.mjs": _ONE_SUBJECT,
}


def main() -> int:
    """Say which files are too long, or named without need; 1 where there are any."""
    faults = list(check(lengths(tracked_files()), REASONS))
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


def tracked_files() -> list[str]:
    """The files of the repository, as git knows them; new ones included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return listed.stdout.splitlines()


def lengths(files: Iterable[str]) -> dict[str, int]:
    """Lines by file, of those whose length is ours to choose."""
    chosen = (ROOT / file for file in files)
    return {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in chosen
        if path.suffix in KINDS and _GENERATED.isdisjoint(path.parts) and path.exists()
    }


def check(lengths: Mapping[str, int], reasons: Mapping[str, str]) -> Iterable[str]:
    """What is too long without a reason, and what has a reason and is not, in words."""
    for file, count in sorted(lengths.items()):
        if count > LIMIT and file not in reasons:
            yield (
                f"{file} has {count} lines; {LIMIT} are the most. Split it by what a reader looks "
                "for, or name it in scripts/file_sizes.py with the reason why it is best as it is."
            )
    for file in sorted(reasons):
        if lengths.get(file, 0) <= LIMIT:
            yield f"{file} needs no reason any more: take it out of scripts/file_sizes.py."


if __name__ == "__main__":
    sys.exit(main())
