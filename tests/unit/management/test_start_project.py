"""`django-bus start`: a project from nothing, or why there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bus.management import start_project

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process without settings, or another one of the project's."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=at, env={**clean, "PYTHONPATH": str(ROOT)}, check=False,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


MODULES = ("__init__", "asgi", "settings", "urls")
_MAIN = "import sys; from bus.management.start_project import main; sys.exit(main())"


def test_a_project_is_made_without_settings_and_has_no_fault(tmp_path: Path) -> None:
    made = run("-c", _MAIN, "start", "garden", at=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "cd garden" in made.stdout
    assert "python manage.py up" in made.stdout
    text = (tmp_path / "garden" / "garden" / "settings.py").read_text("utf-8")
    assert "{{" not in text
    assert os.access(tmp_path / "garden" / "manage.py", os.X_OK)
    checked = run("manage.py", "check", at=tmp_path / "garden")
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


def test_git_takes_what_was_written_and_nothing_that_is_kept_or_secret(tmp_path: Path) -> None:
    start_project.start("garden")
    garden = tmp_path / "garden"
    written = {path.relative_to(garden).as_posix() for path in garden.rglob("*") if path.is_file()}
    assert written == {".gitignore", "manage.py", *(f"garden/{name}.py" for name in MODULES)}
    for name in ("var/valkey/valkey.conf", "db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", ".env",
                 ".env.local", ".venv/pyvenv.cfg", "garden/__pycache__/urls.pyc"):  # fmt: skip
        (garden / name).parent.mkdir(parents=True, exist_ok=True)
        (garden / name).touch()
    (garden / "garden" / "var.py").touch()
    for command in (("init", "-q"), ("add", "-A")):
        subprocess.run(["git", *command], cwd=garden, check=True)
    listed = subprocess.run(["git", "ls-files"], cwd=garden, check=True, stdout=subprocess.PIPE)
    assert set(listed.stdout.decode().split()) == {*written, "garden/var.py"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("bus", "what Bus itself is imported as"),
        ("my-site", "is no name for a Python package"),
        ("1site", "is no name for a Python package"),
        ("class", "is no name for a Python package"),
        ("../site", "is no name for a Python package"),
        ("", "is no name for a Python package"),
        ("channels", "is the name of a module that is installed here"),
        ("json", "is the name of a module that is installed here"),
        ("sys", "is the name of a module that is installed here"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused_in_words(
    name: str, why: str, somewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start_project.main(["start", name]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert why in said
    assert list(somewhere.iterdir()) == []


def test_what_exists_is_left_as_it_is(somewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (somewhere / "garden").mkdir()
    (somewhere / "yard").write_text("mine")
    (somewhere / "lost").symlink_to("nowhere")
    for name in ("garden", "yard", "lost"):
        assert start_project.main(["start", name]) == 1
        assert f"{name} exists already" in capsys.readouterr().err
    assert list((somewhere / "garden").iterdir()) == []
    assert (somewhere / "yard").read_text() == "mine"


def test_a_failure_halfway_leaves_nothing(
    somewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(start_project, "TEMPLATE", somewhere / "no template")
    assert start_project.main(["start", "garden"]) == 1
    assert "no template" in capsys.readouterr().err
    assert not (somewhere / "garden").exists()


def test_what_else_is_asked_for_is_said_to_be_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        start_project.main(["stats"])
    assert "python manage.py bus" in capsys.readouterr().err


def test_the_extras_that_are_missing_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start_project.main(["start", "garden"]) == 0
    assert "pip install" not in capsys.readouterr().out
    monkeypatch.setattr(start_project, "SERVERS", ("nothing_of_that_name",))
    assert start_project.main(["start", "yard"]) == 0
    assert "pip install 'django-bus[embedded,server]'" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        start_project.main(["--version"])
    assert capsys.readouterr().out == f"django-bus {start_project.__version__}\n"
