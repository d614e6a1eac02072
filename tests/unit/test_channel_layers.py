"""`bus.channel_layers()` in a project's settings: which broker, wherever a process is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bus
from bus.conf.paths import project_dir

ROOT = Path(__file__).resolve().parents[2]
PRINT = "import bus; print(bus.channel_layers()['default']['CONFIG']['hosts'][0])"


def test_a_named_broker_is_taken_and_then_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://one:6379/0")
    layer = {"BACKEND": "bus.broker.BusChannelLayer", "CONFIG": {"hosts": ["redis://one:6379/0"]}}
    assert bus.channel_layers() == {"default": layer}
    (other,) = bus.channel_layers("redis://two:6379/0", alias="bus").items()
    assert (other[0], other[1]["CONFIG"]["hosts"]) == ("bus", ["redis://two:6379/0"])


def test_all_processes_of_a_project_find_one_embedded_broker(tmp_path: Path) -> None:
    (tmp_path / "mysite").mkdir()
    (tmp_path / "mysite" / "settings.py").touch()
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in ("REDIS_URL", "BUS_VAR_DIR", "TESTS_VAR_DIR")
    }
    environ |= {
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
    }
    found = {
        subprocess.run(
            [sys.executable, "-c", PRINT], cwd=where, env=environ, check=True, capture_output=True
        ).stdout
        for where in (tmp_path, tmp_path / "mysite", Path("/"))
    }
    assert len(found) == 1


def test_the_directory_is_that_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project_dir() == ROOT
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("lonely", "site-packages/installed"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "flat_settings.py").touch()
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "flat_settings")
    assert project_dir() == tmp_path
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "lonely.settings.production")
    assert project_dir() == tmp_path
    monkeypatch.chdir(tmp_path / "lonely")
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    # Nobody's data belongs beside what is installed, nor beside a module that is not there.
    for settings in ("installed.settings", "nowhere.settings", ""):
        monkeypatch.setenv("DJANGO_SETTINGS_MODULE", settings)
        assert project_dir() == tmp_path / "lonely"
