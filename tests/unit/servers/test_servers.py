"""What is relied on in the servers, and what is bounded at their edge."""

from __future__ import annotations

import importlib.metadata
import logging
import re
import shlex
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from django.test import override_settings

from bus import servers
from bus.servers.crowd import Crowd
from bus.servers.running import missing_bounds, running_uvicorn, warn_of_missing_bounds
from bus.servers.uvicorn_http import BoundedHttp
from bus.servers.uvicorn_websocket import BoundedWebSocket

ROOT = Path(__file__).parents[3]


def versions_read() -> Iterator[tuple[str, str, str]]:
    """Each file of bus/servers, and the packages and versions that it was written against."""
    for path in Path(servers.__file__).parent.glob("*.py"):
        read = re.search(r"^Read: (.*?)\"\"\"", path.read_text("utf-8"), re.M | re.S)
        for package, version in re.findall(r"(\w+) (\d[\d.]*\d)", read[1] if read else ""):
            yield path.name, package, version


@pytest.mark.parametrize(("file", "package", "version"), sorted(versions_read()))
def test_the_version_that_was_read_is_the_one_that_runs(
    file: str, package: str, version: str
) -> None:
    found = importlib.metadata.version(package)
    assert found == version, f"read {package} {found} again, then mend bus/servers/{file}"


def test_all_that_reaches_into_a_server_was_read() -> None:
    assert {file for file, _, _ in versions_read()} >= {
        "uvicorn_http.py", "uvicorn_websocket.py", "wire.py", "running.py",
    }  # fmt: skip


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
    options = command[command.index("uvicorn") + 1 :]
    given = dict(pairwise(options))
    loaded = uvicorn.Config("bus.asgi:application", http=given["--http"], ws=given["--ws"])
    loaded.load()
    assert missing_bounds(SimpleNamespace(config=loaded)) == []  # type: ignore[arg-type]


def test_a_start_without_bounds_is_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = uvicorn.Server(uvicorn.Config("bus.asgi:application", ws="websockets-sansio"))
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


class Guest:
    """A connection."""

    def __init__(self, idle: bool = True) -> None:
        self.is_idle = idle
        self.dropped = False

    def drop(self) -> None:
        self.dropped = True


@override_settings(BUS_HTTP_CONNECTIONS=3, BUS_ADDRESS_HTTP_CONNECTIONS=2)
def test_the_oldest_that_asks_for_nothing_makes_room() -> None:
    crowd = Crowd()
    busy, first, second, third = Guest(idle=False), Guest(), Guest(), Guest()
    for guest in (busy, first, second, third):
        assert crowd.enter(guest, "10.0.0.1")
    assert [guest.dropped for guest in (busy, first, second, third)] == [False, True, False, False]
    assert len(crowd) == 3


@override_settings(BUS_HTTP_CONNECTIONS=3, BUS_ADDRESS_HTTP_CONNECTIONS=2)
def test_where_all_are_busy_there_is_no_room() -> None:
    crowd = Crowd()
    for _ in range(3):
        assert crowd.enter(Guest(idle=False), "10.0.0.1")
    late = Guest()
    assert not crowd.enter(late, "10.0.0.1")
    crowd.leave(late)
    assert len(crowd) == 3


@override_settings(BUS_HTTP_CONNECTIONS=100, BUS_ADDRESS_HTTP_CONNECTIONS=2)
def test_an_address_has_a_share_and_an_ipv6_one_is_its_network() -> None:
    crowd = Crowd()
    greedy = [Guest() for _ in range(5)]
    for number, guest in enumerate(greedy):
        assert crowd.enter(guest, f"2a00:1450:4001:829::{number:x}")
    assert [guest.dropped for guest in greedy] == [True, True, True, False, False]
    other = Guest()
    assert crowd.enter(other, "2a00:1450:4001:82a::1")
    assert not other.dropped
    for guest in [*greedy, other]:
        crowd.leave(guest)
    assert len(crowd) == 0
    assert not crowd._counts


@override_settings(BUS_HTTP_CONNECTIONS=2)
def test_who_has_just_come_takes_no_room_and_loses_none() -> None:
    crowd = Crowd()
    arriving = [Guest() for _ in range(50)]
    for guest in arriving:
        crowd.arrive(guest)
    for guest in arriving:
        # It asks for a WebSocket, and is no HTTP any more.
        assert crowd.enter(guest, "127.0.0.1")
        crowd.leave(guest)
    assert not any(guest.dropped for guest in arriving)
    assert not crowd._arriving


def test_of_those_who_come_without_end_the_oldest_go() -> None:
    crowd = Crowd()
    flood = [Guest() for _ in range(5000)]
    for guest in flood:
        crowd.arrive(guest)
    assert [guest.dropped for guest in flood] == [True] * 904 + [False] * 4096


@override_settings(BUS_ADDRESS_HTTP_CONNECTIONS=2, BUS_TRUSTED_PROXIES=["8.8.8.0/24"])
def test_a_named_proxy_with_a_public_address_speaks_for_many() -> None:
    crowd = Crowd()
    assert all(crowd.enter(Guest(idle=False), "8.8.8.8") for _ in range(10))
    # As a socket for both families tells of IPv4.
    entered = [crowd.enter(Guest(idle=False), "::ffff:9.9.9.9") for _ in range(3)]
    assert entered == [True, True, False]
