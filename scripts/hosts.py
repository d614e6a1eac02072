"""Installs the built wheel into fresh environments, and drives a project that has Bus in it there.

    python -m scripts.hosts                 the oldest and the newest Python and Django
    python -m scripts.hosts --all           every pair, all projects, and the unit tests with each
    python -m scripts.hosts 3.12 6.0        one pair, all projects

The projects are those of tests/hosts/, with tests of their own; by default each is driven once, at
least. The oldest pair has the oldest releases of all that pyproject.toml names; of the two that are
tried by default, the newest goes by the pins of requirements/, so that a release of somebody else's
changes nothing before `--all` does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bus.embedded.broker import EmbeddedBroker
from scripts import pythons

ROOT = Path(__file__).resolve().parent.parent
HOSTS = ROOT / "tests" / "hosts"
UV = str(Path(sys.executable).parent / "uv")
_EXTRAS = "[embedded,server]"
# What the tests need beside Bus, as pinned in requirements/.
_TOOLS = ("pytest", "pytest-asyncio", "pytest-django", "pytest-timeout", "hypothesis")
_CACHES = shutil.ignore_patterns("__pycache__")


@dataclass(frozen=True)
class Host:
    """A project of tests/hosts/, and which of its forms."""

    name: str
    # Whose user model is theirs.
    users: str = ""
    # Without, it has what Bus alone needs, and a broker that was there.
    extras: bool = True

    def __str__(self) -> str:
        return f"{self.name} {self.users}".strip()


MYSITE, TASKS, CORE = Host("mysite"), Host("tasks"), Host("core", extras=False)
USERS = [Host("users", users) for users in ("uuid", "text", "email", "child", "proxy")]


@dataclass(frozen=True)
class Pair:
    """A Python and a Django that go together."""

    python: str
    django: str

    def __str__(self) -> str:
        return f"Python {self.python}, Django {self.django}"

    @property
    def hosts(self) -> list[Host]:
        """The projects that go with it: Django has tasks from 6.0 on."""
        return [MYSITE, *USERS, CORE] if self.django == "5.2" else [MYSITE, TASKS, *USERS, CORE]


# Django 6 needs Python 3.12.
PAIRS = [
    Pair(python, django)
    for django in ("5.2", "6.0", "6.1")
    for python in pythons.PYTHONS
    if not (django[0] == "6" and python == "3.11")
]
OLDEST, NEWEST = PAIRS[0], PAIRS[-1]
# What is driven by default, in the time that CI has for it.
DEFAULTS = {OLDEST: [MYSITE, USERS[0], CORE], NEWEST: [MYSITE, TASKS]}


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
                hosts = pair.hosts if arguments else DEFAULTS[pair]
                _try(pair, hosts, wheel, directory / f"{pair.python}-{pair.django}", every)
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


def _try(pair: Pair, hosts: Sequence[Host], wheel: Path, directory: Path, every: bool) -> None:
    """Install the wheel as a host does, and run the hosts' tests; raises Failed."""
    print(f"\n== {pair}", flush=True)
    directory.mkdir()
    python = _environment(pair, wheel, directory, every)
    # Beside the projects as it is in the tree: some share what our own tests do.
    tests = directory / "tests"
    shutil.copytree(ROOT / "tests" / "support", tests / "support", ignore=_CACHES)
    for file in ("__init__.py", "conftest.py"):
        shutil.copy(ROOT / "tests" / file, tests)
    for host in hosts:
        started = time.monotonic()
        if host.extras:
            _drive(host, python, directory, {"HOST_USERS": host.users})
        else:
            bare = _venv(pair, directory / "bare")
            _install(bare, *_constrained(directory), str(wheel), *_pinned("pytest"))
            with _broker(directory) as url:
                _drive(host, bare, directory, {"REDIS_URL": url})
        print(f"-- {host}: {time.monotonic() - started:.0f} s", flush=True)
    if every:
        _install(
            *(python, *_constrained(directory)),
            *(f"{wheel}[postgres,daphne]", *_own_requirements()),
        )
        # Which releases were read is a matter of the pins.
        run(
            *(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit"),
            *("--ignore=tests/unit/repository", "--ignore=tests/unit/tools"),
            *("-k", "not test_the_version_that_was_read_is_the_one_that_runs"),
            cwd=ROOT,
        )


def _drive(host: Host, python: str, directory: Path, environment: Mapping[str, str]) -> None:
    """Run the tests of a project, with the Bus that is installed; raises Failed."""
    project = directory / "tests" / "hosts" / str(host).replace(" ", "-")
    shutil.copytree(HOSTS / host.name, project, ignore=_CACHES)
    if (project / "tests").exists():
        shutil.copy(ROOT / "tests" / "support" / "wait.py", project / "tests")
    installed = "import bus, sys; sys.exit(not bus.__file__.startswith(sys.prefix))"
    run(python, "-c", installed, cwd=project)
    run(python, "-m", "pytest", "-q", "--durations=5", cwd=project, environment=environment)


@contextmanager
def _broker(directory: Path) -> Iterator[str]:
    """A broker that is there before the project, by its URL."""
    broker = EmbeddedBroker(directory / "valkey", directory / "valkey.sock")
    broker.start()
    try:
        yield broker.url
    finally:
        broker.stop()


def _venv(pair: Pair, directory: Path) -> str:
    """A fresh environment; the path of its Python."""
    run(UV, "venv", "--quiet", "--python", pythons.find(pair.python), str(directory))
    return str(directory / "bin" / "python")


def _environment(pair: Pair, wheel: Path, directory: Path, every: bool) -> str:
    """A fresh environment with the wheel in it; the path of its Python."""
    python = _venv(pair, directory / "venv")
    constraints = f"django~={pair.django}.0\n" + _constraints(pair, python, every)
    (directory / "constraints.txt").write_text(constraints)
    _install(python, *_constrained(directory), f"{wheel}{_EXTRAS}", *_pinned(*_TOOLS))
    return python


def _constrained(directory: Path) -> tuple[str, str]:
    return "--constraint", str(directory / "constraints.txt")


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


def _pinned(*names: str) -> list[str]:
    text = (ROOT / "requirements" / "dev.txt").read_text("utf-8")
    return [line for name in names for line in re.findall(rf"^{name}==[\w.]+", text, re.M)]


def _own_requirements() -> list[str]:
    """What this repository's project needs beside Bus, whose settings the unit tests have."""
    lines = (ROOT / "requirements" / "base.in").read_text("utf-8").splitlines()
    return [line for line in lines if line and line[0] != "#" and not line.startswith("django~")]


def _install(python: str, *what: str) -> None:
    run(UV, "pip", "install", "--quiet", "--python", python, *what)


def run(
    *command: str,
    cwd: Path = ROOT,
    quiet: bool = False,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a command with nothing of this repository's around it; raises Failed."""
    ours = ("PYTHONPATH", "DJANGO_SETTINGS_MODULE", "REDIS_URL", "DATABASE_URL", "VIRTUAL_ENV")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(("BUS_", "TESTS_", "PYTEST_"))
    }
    kept |= environment or {}
    if not quiet:
        print("$", *command, flush=True)
    out = subprocess.PIPE if quiet else None
    done = subprocess.run(command, cwd=cwd, env=kept, stdout=out, text=True, check=False)
    if done.returncode:
        raise Failed
    return done.stdout or ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
