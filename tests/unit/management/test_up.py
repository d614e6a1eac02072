"""`manage.py up` in any project: what it runs, and what it says where something is missing."""

import shlex
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from bus.conf import paths
from bus.embedded import procfile
from bus.management.commands import up


def test_what_is_not_installed_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "find_spec", lambda name: None if name == "uvicorn" else object())
    with pytest.raises(CommandError) as refused:
        call_command(up.Command())
    said = str(refused.value)
    assert "needs uvicorn. Nothing was started." in said
    assert 'pip install "django-bus[embedded,server]"' in said


def test_a_procfile_that_lacks_a_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text("web: gunicorn mysite.wsgi\n")
    with pytest.raises(CommandError, match="Procfile has no line for release, worker"):
        call_command(up.Command(), procfile=path)
    path.write_text("web: a\nworker: b\nrelease: c d\n")
    assert procfile.read(path) == {"web": "a", "worker": "b", "release": "c d"}


def test_the_lines_built_in_start_what_started_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manage = tmp_path / "a site" / "manage.py"
    manage.parent.mkdir()
    manage.touch()
    monkeypatch.chdir(manage.parent)
    for script, means in (("manage.py", [str(manage)]), ("/bin/django-admin", ["-m", "django"])):
        monkeypatch.setattr(sys, "argv", [script, "up"])
        lines = {k: shlex.split(line) for k, line in procfile.built_in("127.0.0.1", 8001).items()}
        start = ["exec", sys.executable, *means]
        assert lines["worker"] == [*start, "runworker"]
        assert lines["release"] == [*start, "migrate", "--no-input"]
    web = lines["web"]
    served = ["bus.servers.uvicorn_process", "bus.embedded.web:application"]
    assert web[:5] == ["exec", sys.executable, "-m", *served]
    assert web[web.index("--port") + 1] == "8001"


def test_a_broker_is_started_where_the_layer_of_bus_is_at_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def layer(url: str) -> dict[str, object]:
        return {"BACKEND": "bus.broker.BusChannelLayer", "CONFIG": {"hosts": [url]}}

    settings.CHANNEL_LAYERS = {"default": layer("redis://there"), "bus": layer(here())}
    assert not up.is_embedded()
    settings.BUS_LAYER = "bus"
    assert up.is_embedded()
    settings.CHANNEL_LAYERS = {}
    assert not up.is_embedded()


def here() -> str:
    return paths.embedded_broker_url()


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ([], "127.0.0.1:8000"),
        (["*"], "127.0.0.1:8000"),
        (["localhost", "127.0.0.1"], "127.0.0.1:8000"),
        ([".example.org"], "example.org"),
    ],
)
def test_it_asks_by_a_host_that_the_project_allows(
    allowed: list[str], host: str, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = allowed
    assert up.known_host(8000) == host
