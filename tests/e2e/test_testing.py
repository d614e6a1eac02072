"""Users' own tests, as docs/how-to/testing.md shows them, and others: they pass and end clean."""

import os
import re
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.support.manage_up import ROOT, environment

MANAGE = ("manage.py", "test", "--noinput")
PYTEST = ("-m", "pytest", "-c", os.devnull, "-q", "-p", "no:cacheprovider", "--create-db")
# What docs would not show: sockets that nobody closes, pages, loops of a test's own.
CARELESS = """
import asyncio

from channels.testing import HttpCommunicator, WebsocketCommunicator
from django.test import TestCase, TransactionTestCase

from config.asgi import application
from bus.models import Room


async def look():
    socket = WebsocketCommunicator(application, "/ws/chat/lobby/")
    assert (await socket.connect())[0]
    for path in ("/chat/lobby/", "/nothing/", "/readyz", "/livez"):
        headers = [(b"host", b"localhost"), (b"cookie", b"sessionid=" + b"a" * 32)]
        page = HttpCommunicator(application, "GET", path, headers=headers)
        assert (await page.get_response(timeout=10))["status"] in (200, 404, 503)


class Committed(TransactionTestCase):
    def test_a_loop_of_its_own(self):
        Room.objects.create(name="lobby", access="open")
        asyncio.run(look())

    async def test_the_loop_of_django(self):
        await Room.objects.acreate(name="lobby", access="open")
        await look()


class NotCommitted(TestCase):
    def test_a_loop_of_its_own(self):
        asyncio.run(look())

    async def test_the_loop_of_django(self):
        await Room.objects.acreate(name="lobby", access="open")
        await look()
"""


def shown(label: str) -> str:
    """The test that the how-to shows under this label."""
    text = (ROOT / "docs" / "how-to" / "testing.md").read_text("utf-8")
    found = re.search(rf"<!-- {label} -->\n```python\n(.*?)```", text, re.S)
    assert found
    return found[1]


def run(directory: Path, broker: str, settings: str, *command: str) -> str:
    """Run tests that lie in a directory as their author would; what was printed."""
    directory.joinpath("var").mkdir()
    environ = environment(directory / "var", 0, REDIS_URL=broker, SECRET_KEY=uuid.uuid4().hex * 2)
    environ |= {"DJANGO_SETTINGS_MODULE": settings, "PYTHONPATH": str(ROOT)}
    environ["BUS_OPEN_ROOMS"] = "0"
    if url := os.environ.get("DATABASE_URL"):
        # Not the database of the tests that run this one.
        name = f"/users_{uuid.uuid4().hex[:8]}"
        environ["DATABASE_URL"] = urlunsplit(urlsplit(url)._replace(path=name))
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=100,
    )
    text = done.stdout.decode()
    assert done.returncode == 0, text
    return text


@pytest.mark.parametrize("settings", ["config.settings", "tests.support.kept_settings"])
def test_users_tests_under_manage_end_clean(tmp_path: Path, broker: str, settings: str) -> None:
    tmp_path.joinpath("test_shown.py").write_text(shown("manage.py test"))
    tmp_path.joinpath("test_careless.py").write_text(CARELESS)
    where = str(tmp_path)
    text = run(tmp_path, broker, settings, *MANAGE, "-t", where, "-p", "test_*.py", where)
    assert "Ran 6 tests" in text
    assert "accessed by other users" not in text


@pytest.mark.parametrize("settings", ["config.settings", "tests.support.kept_settings"])
def test_users_tests_under_pytest_end_clean(tmp_path: Path, broker: str, settings: str) -> None:
    file = tmp_path / "test_shown.py"
    file.write_text(shown("pytest"))
    text = run(tmp_path, broker, settings, *PYTEST, "--rootdir", str(tmp_path), str(file))
    assert "1 passed" in text
    assert "accessed by other users" not in text
