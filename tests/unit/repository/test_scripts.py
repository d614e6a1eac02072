"""The scripts behind `make check` and `make long`."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts import file_sizes, hosts, long, pythons


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
            "bus/conf.py", "bus/migrations/0001_initial.py", "requirements/base.txt",
            "bus/broker/scripts/claim.lua", "bus/static/bus/client.js", "bus/gone.py",
        ]
    )  # fmt: skip
    assert {"bus/broker/scripts/claim.lua", "bus/static/bus/client.js"} <= set(found)
    assert not {"bus/migrations/0001_initial.py", "requirements/base.txt", "bus/gone.py"} & set(
        found
    )


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


def executable(path: Path, version: str) -> None:
    """A Python of a version, as far as one is asked for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{version}\n")
    path.chmod(0o755)


def test_a_python_that_a_version_manager_keeps_is_found_behind_a_shim_that_refuses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    executable(tmp_path / "bin" / "python3.12", "exit 127")
    executable(tmp_path / "pyenv" / "versions" / "3.12.1" / "bin" / "python", "echo 3.12")
    assert pythons.find("3.12") == str(tmp_path / "pyenv/versions/3.12.1/bin/python")
    executable(tmp_path / "bin" / "python3.12", "echo 3.12")
    assert pythons.find("3.12") == str(tmp_path / "bin" / "python3.12")


def test_a_python_that_is_missing_is_named_and_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    with pytest.raises(pythons.MissingPython, match=r"Python 3\.12 is not on this machine"):
        pythons.find("3.12")
    other = next(one for one in pythons.PYTHONS if not sys.version.startswith(one))
    assert long.main(["pythons"], lambda _: 0) == 1
    assert f"Python {other} is not on this machine" in capsys.readouterr().err


def test_every_pair_of_python_and_django_is_tried_by_the_long_form() -> None:
    known = tomllib.loads((long.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = "\n".join(known["classifiers"])
    assert re.findall(r"Python :: (3\.\d+)", names) == list(pythons.PYTHONS)
    djangos = re.findall(r"Django :: (\d\.\d)", names)
    assert {(pair.python, pair.django) for pair in hosts.PAIRS} == {
        (python, django)
        for python in pythons.PYTHONS
        for django in djangos
        if django == "5.2" or python != "3.11"
    }
    assert (str(hosts.OLDEST), str(hosts.NEWEST)) == (
        "Python 3.11, Django 5.2",
        "Python 3.13, Django 6.1",
    )
    assert long.hosts()[0][-1] == "--all"
    assert hosts.main(["3.11", "6.0"]) == hosts.main(["--none"]) == 2


def test_every_project_is_driven_by_default_and_in_all_its_forms_with_each_pair() -> None:
    names = {path.name for path in hosts.HOSTS.iterdir() if path.name[0] not in "._"}
    assert {host.name for chosen in hosts.DEFAULTS.values() for host in chosen} == names
    for pair in hosts.PAIRS:
        without = {"tasks"} if pair.django == "5.2" else set()
        assert {host.name for host in pair.hosts} == names - without
        assert set(hosts.USERS) <= set(pair.hosts)
