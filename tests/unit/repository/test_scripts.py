"""The scripts behind `make check` and `make long`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from scripts import file_sizes, long


def test_a_long_file_needs_a_reason_and_a_short_one_none() -> None:
    lengths = {"long.py": 301, "short.py": 300, "known.py": 400, "shrunk.py": 10}
    reasons = {"known.py": "…", "shrunk.py": "…", "gone.py": "…"}
    gone, shrunk = ("gone.py", "shrunk.py")
    faults = list(file_sizes.check(lengths, reasons))
    assert [fault.split()[0] for fault in faults] == ["long.py", gone, shrunk]
    assert "has 301 lines; 300 are the most" in faults[0]
    assert "no reason any more" in faults[1]


def test_code_is_looked_at_and_what_is_made_or_translated_is_not() -> None:
    found = file_sizes.lengths(
        [
            "bus/conf.py", "bus/migrations/0001_initial.py", "README.md",
            "bus/broker/scripts/claim.lua", "bus/static/bus/client.js", "bus/gone.py",
        ]
    )  # fmt: skip
    assert {"bus/broker/scripts/claim.lua", "bus/static/bus/client.js"} <= set(found)
    assert not {"bus/migrations/0001_initial.py", "README.md", "bus/gone.py"} & set(found)


def test_all_parts_run_though_one_fails_and_the_end_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(long, "PARTS", {"first": lambda: [["a"], ["b"]], "last": lambda: [["c"]]})
    ran = []

    def run(command: list[str]) -> int:
        ran.append(command[0])
        return int(command[0] == "a")

    assert long.main([], run) == 1
    assert ran == ["a", "b", "c"]
    assert "first    FAILED" in capsys.readouterr().out
    assert long.main(["last"], run) == 0
    assert long.main(["soak", "last"], run) == 2


def test_the_long_parts_name_what_is_there() -> None:
    for name in ("chaos", "fuzz"):
        assert long.PARTS[name]()
    command = [*long.fuzz()[0], "--collect-only", "tests/unit/unicode"]
    command.remove("tests")
    done = subprocess.run(
        command, cwd=long.ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert "test_graphemes.py" in done.stdout, done.stdout + done.stderr
    (soak,) = long.soak()
    assert (long.ROOT / (soak[-1].replace(".", "/") + ".py")).exists()
    assert soak[0] == sys.executable
