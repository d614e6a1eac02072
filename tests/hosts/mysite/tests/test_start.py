"""`django-bus start` makes a project that runs as it is."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from host import Person, Site

from bus.client import connect

SCRIPT = Path(sys.executable).with_name("django-bus")


@pytest.fixture
def garden(tmp_path):
    done = subprocess.run(
        [SCRIPT, "start", "garden"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "python manage.py up" in done.stdout
    with Site(tmp_path / "garden", "/readyz") as site:
        yield site


def test_a_project_from_nothing_has_a_room_to_talk_in(garden):
    person = Person(garden)
    status, page = person.get("/")
    assert status == 200
    assert "/static/bus/app.css" in page
    assert person.get("/static/bus/app.css")[0] == 200
    assert person.get("/accounts/login/")[0] == 200
    assert "no issues" in garden.manage("check")

    async def talk():
        async with connect(garden.websocket("/ws/")) as bus:
            room = bus.room("pond")
            await room.join()
            return (await room.send("hello").settled).status

    assert asyncio.run(talk()) == "posted"
    assert (garden.directory / "db.sqlite3").exists()
    assert "/var/" in (garden.directory / ".gitignore").read_text().splitlines()
    assert "REDIS_URL" not in os.environ
