"""Installs the built wheel into fresh environments, and drives a project that has Bus in it there.

    python -m scripts.hosts                 the oldest and the newest Python and Django
    python -m scripts.hosts --all           every pair, all projects, and the unit tests with each
    python -m scripts.hosts 3.12 6.0        one pair, all projects

The projects are those of tests/hosts/, with tests of their own. The oldest pair has the oldest
releases of all that pyproject.toml names; of the two that are tried by default, the newest goes by
the pins of requirements/, so that a release of somebody else's changes nothing before `--all` does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import pythons

ROOT = Path(__file__).resolve().parent.parent
HOSTS = ROOT / "tests" / "hosts"
UV = str(Path(sys.executable).parent / "uv")
_EXTRAS = "embedded,server"
# What the tests need beside Bus, as pinned in requirements/.
_TOOLS = ("pytest", "pytest-asyncio", "pytest-django", "pytest-timeout", "hypothesis")


@dataclass(frozen=True)
class Pair:
    """A Python and a Django that go together."""

    python: str
    django: str

    def __str__(self) -> str:
        return f"Python {self.python}, Django {self.django}"

    @property
    def hosts(self) -> list[str]:
        """The projects that go with it: Django has tasks from 6.0 on."""
        return ["mysite"] if self.django == "5.2" else ["mysite", "tasks"]


# Django 6 needs Python 3.12.
PAIRS = [
    Pair(python, django)
    for django in ("5.2", "6.0", "6.1")
    for python in pythons.PYTHONS
    if not (django[0] == "6" and python == "3.11")
]
OLDEST, NEWEST = PAIRS[0], PAIRS[-1]


class Failed(Exception):
    """A command of a pair's did not succeed; its own words are above."""


def main(arguments: Sequence[str]) -> int:
    """Try the pairs that are asked for; 1 where one failed, 2 for what is no pair."""
    every = list(arguments) == ["--all"]
    pairs = PAIRS if every else [Pair(*arguments)] if len(arguments) == 2 else [OLDEST, NEWEST]
    if (arguments and not every and len(arguments) != 2) or not set(pairs) <= set(PAIRS):
        print(f"error: what there is: --all, or one of {'; '.join(map(str, PAIRS))}.")
        return 2
    results = []
    with tempfile.TemporaryDirectory(prefix="hosts-") as path:
        directory = Path(path)
        try:
            wheel = build(directory)
        except Failed:
            print("error: the wheel cannot be built; see above.")
            return 1
        for pair in pairs:
            started = time.monotonic()
            try:
                names = pair.hosts if arguments else pair.hosts[:1]
                _try(pair, names, wheel, directory / f"{pair.python}-{pair.django}", every)
                told = "passed"
            except Failed:
                told = "FAILED"
            except pythons.MissingPython as error:
                told = f"FAILED: {error}"
            results.append(f"{pair}: {told} in {time.monotonic() - started:.0f} s")
    print("\n".join(results), flush=True)
    return int(any("FAILED" in result for result in results))


def build(directory: Path) -> Path:
    """The wheel of this tree, as a release has it; raises Failed."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory), str(ROOT))
    (wheel,) = directory.glob("*.whl")
    return wheel


def _try(pair: Pair, names: Sequence[str], wheel: Path, directory: Path, every: bool) -> None:
    """Install the wheel as a host does, and run the host's tests; raises Failed."""
    print(f"\n== {pair}", flush=True)
    directory.mkdir()
    python = _environment(pair, wheel, directory, every)
    for name in names:
        project = directory / name
        shutil.copytree(HOSTS / name, project, ignore=shutil.ignore_patterns("__pycache__"))
        if (project / "tests").exists():
            shutil.copy(ROOT / "tests" / "support" / "wait.py", project / "tests")
        run(python, "-m", "pytest", "-q", "--durations=5", cwd=project)
    if every:
        _install(
            *(python, "--constraint", str(directory / "constraints.txt")),
            *(f"{wheel}[postgres,daphne]", *_own_requirements()),
        )
        # Which releases were read is a matter of the pins.
        run(
            *(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit"),
            *("--ignore=tests/unit/repository", "--ignore=tests/unit/tools"),
            *("-k", "not test_the_version_that_was_read_is_the_one_that_runs"),
            cwd=ROOT,
        )


def _environment(pair: Pair, wheel: Path, directory: Path, every: bool) -> str:
    """A fresh environment with the wheel in it; the path of its Python."""
    run(UV, "venv", "--quiet", "--python", pythons.find(pair.python), str(directory / "venv"))
    python = str(directory / "venv" / "bin" / "python")
    constraints = directory / "constraints.txt"
    constraints.write_text(f"django~={pair.django}.0\n" + _constraints(pair, python, every))
    requirements = [f"{wheel}[{_EXTRAS}]", *_tools()]
    _install(python, "--constraint", str(constraints), *requirements)
    return python


def _constraints(pair: Pair, python: str, every: bool) -> str:
    """Which releases of all but Django are taken."""
    if pair == OLDEST:
        command = [UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
        command += ["--resolution", "lowest-direct", "--all-extras", "--python", python]
        pins = run(*command, str(ROOT / "pyproject.toml"), quiet=True)
    elif every:
        return ""
    else:
        pins = (ROOT / "requirements" / "base.txt").read_text("utf-8")
        pins = re.sub(r"^django==.*\n", "", pins, flags=re.M)
    return "\n".join(re.findall(r"^([\w.-]+==[^\\\n]+)", pins, re.M)) + "\n"


def _tools() -> list[str]:
    text = (ROOT / "requirements" / "dev.txt").read_text("utf-8")
    return [line for name in _TOOLS for line in re.findall(rf"^{name}==[\w.]+", text, re.M)]


def _own_requirements() -> list[str]:
    """What this repository's project needs beside Bus, whose settings the unit tests have."""
    lines = (ROOT / "requirements" / "base.in").read_text("utf-8").splitlines()
    return [line for line in lines if line and line[0] != "#" and not line.startswith("django~")]


def _install(python: str, *what: str) -> None:
    run(UV, "pip", "install", "--quiet", "--python", python, *what)


def run(*command: str, cwd: Path = ROOT, quiet: bool = False) -> str:
    """Run a command with nothing of this repository's around it; raises Failed."""
    ours = ("PYTHONPATH", "DJANGO_SETTINGS_MODULE", "REDIS_URL", "DATABASE_URL", "VIRTUAL_ENV")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(("BUS_", "TESTS_", "PYTEST_"))
    }
    if not quiet:
        print("$", *command, flush=True)
    out = subprocess.PIPE if quiet else None
    done = subprocess.run(command, cwd=cwd, env=environment, stdout=out, text=True, check=False)
    if done.returncode:
        raise Failed
    return done.stdout or ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
