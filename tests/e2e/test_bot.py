"""The bot of docs/how-to/bot.md, as it stands there, against the real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.manage_up import ROOT
from tests.support.site import Client, Site, running
from tests.support.wait import until

PAGE = ROOT / "docs" / "how-to" / "bot.md"


@pytest.fixture
def site() -> Iterator[Site]:
    with (
        tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path,
        running(Path(path)) as site,
    ):
        yield site


def script() -> str:
    """The page's first block of code."""
    text = PAGE.read_text("utf-8")
    block = text[text.index("    # bot.py") :].split("\nStart Bus")[0]
    return textwrap.dedent(block)


def test_the_bot_of_the_docs_answers_over_a_restart_of_web(site: Site, tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text(script(), "utf-8")
    log = tmp_path / "bot.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    address = {"BUS_URL": f"ws://127.0.0.1:{site.port}/ws/", "PYTHONPATH": str(ROOT)}
    with log.open("wb") as out:
        bot = subprocess.Popen(
            [sys.executable, "bot.py"], cwd=tmp_path, env=clean | address, stdout=out, stderr=out
        )
    try:
        until(lambda: "listening as guest" in log.read_text(), "the bot listens")
        for turn in range(2):
            person = Client(site)
            person.ask("room.join", room="lobby")
            person.ask("message.send", room="lobby", body="!ping", client_id=f"ping {turn}")
            while person.event("message.posted")["data"]["body"] != "pong":
                pass
            until(lambda: log.read_text().count("posted") == turn + 1, "the bot knows")  # noqa: B023
            site.kill(site.web)
            site.web = site.start_web()
            site.wait_until_ready()
    finally:
        bot.terminate()
        bot.wait(10)
    assert "Traceback" not in log.read_text()
