"""Which bounds the server that runs has, and that a start without them is warned of."""

from __future__ import annotations

import importlib
import logging
import shlex
import signal
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from bus.servers.uvicorn_http import BoundedHttp
from bus.servers.uvicorn_server import missing_bounds, running_uvicorn, warn_of_missing_bounds
from bus.servers.uvicorn_websocket import BoundedWebSocket

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def application() -> None:
    """Loaded before a test's log is caught: its first import sets up logging anew."""
    importlib.import_module("bus.asgi")


def config(*options: str) -> Any:
    """A server that was started with these options."""
    return SimpleNamespace(
        config=SimpleNamespace(
            http_protocol_class=BoundedHttp if "--http" in options else object,
            ws_protocol_class=BoundedWebSocket if "--ws" in options else None,
        )
    )


def test_a_server_without_bounds_is_told_from_one_with_them() -> None:
    assert missing_bounds(config("--http", "--ws")) == []
    assert missing_bounds(config("--ws")) == ["--http bus.servers.uvicorn_http:BoundedHttp"]
    assert missing_bounds(config("--http")) == [
        "--ws bus.servers.uvicorn_websocket:BoundedWebSocket"
    ]
    assert missing_bounds(None)


def test_the_procfile_runs_with_all_bounds() -> None:
    line = (ROOT / "Procfile").read_text("utf-8").splitlines()[1]
    command = [part.replace("${HOST:-0.0.0.0}", "x") for part in shlex.split(line)]
    options = command[command.index("bus.servers.uvicorn_process") + 1 :]
    given = dict(pairwise(options))
    loaded = uvicorn.Config("config.asgi:application", http=given["--http"], ws=given["--ws"])
    loaded.load()
    assert missing_bounds(SimpleNamespace(config=loaded)) == []  # type: ignore[arg-type]


def test_a_start_without_bounds_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = uvicorn.Server(uvicorn.Config("config.asgi:application", ws="websockets-sansio"))
    server.config.load()
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        assert running_uvicorn() is server
        with caplog.at_level(logging.WARNING):
            warn_of_missing_bounds()
        assert "--ws bus.servers.uvicorn_websocket:BoundedWebSocket" in caplog.text
        caplog.clear()
        server.config.http_protocol_class = BoundedHttp
        server.config.ws_protocol_class = BoundedWebSocket
        warn_of_missing_bounds()
        assert caplog.text == ""
    finally:
        signal.signal(signal.SIGTERM, before)
