"""In a host Bus changes nothing but its own: no function, signal, logger, table or cookie."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import untouched
from tests.support.host_project import HostProject


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> HostProject:
    """A stranger's project with Bus under a prefix."""
    return HostProject(tmp_path_factory.mktemp("host"), prefix="live/")


def changed(host: HostProject) -> set[str]:
    """What another process finds changed once Bus is loaded, and begins to serve and to work."""
    path = f"{host.environment['PYTHONPATH']}:{host.directory}"
    script = Path(untouched.__file__)
    done = host.run(str(script), PYTHONPATH=path, DJANGO_SETTINGS_MODULE="mysite.settings")
    return set(done.stdout.splitlines())


def test_nothing_of_djangos_channels_or_the_loops_is_another(host: HostProject) -> None:
    assert changed(host) == set()


def test_a_setting_switches_on_what_reaches_beyond(host: HostProject) -> None:
    tuned = HostProject(host.directory / "tuned", prefix="live/")
    tuned.add("mysite/settings.py", "BUS_TUNE_PROCESSES = True\n")
    assert changed(tuned) == {"channels.consumer.aclose_old_connections", "DATABASES", "gc"}
