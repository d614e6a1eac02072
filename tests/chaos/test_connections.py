"""A web process holds so many database connections and no more, whatever it is asked."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect

from tests.support.backend import Backend
from tests.support.processes import Fleet, fleet
from tests.support.wait import until

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")

MOST = 5
CLIENTS = 40
VISITS = 300
# What opens connections in its own way: pages, a page that is none, a session that nobody has,
# a form without its token, the API with a wrong key, and the probe.
ASKED = [
    ("GET", "/chat/", {}),
    ("GET", "/chat/lobby/", {}),
    ("GET", "/nothing/", {"Cookie": f"sessionid={'a' * 32}"}),
    ("GET", "/admin/", {"Cookie": f"sessionid={'b' * 32}"}),
    ("POST", "/accounts/login/", {"Cookie": f"sessionid={'c' * 32}"}),
    ("POST", "/livez", {"Cookie": f"sessionid={'d' * 32}"}),
    ("GET", "/api/v1/channels", {"Authorization": "Bearer bus_wrong"}),
    ("GET", "/readyz", {}),
]


def held(backend: Backend, pid: int) -> int:
    """The connections that a process has to the database, by what the process itself has open.

    A server's own list has more in it: its maintenance, and clients that are gone already.
    """
    opened = opened_by(pid)
    address = urlsplit(backend.environment.get("DATABASE_URL", ""))
    if not address.port:
        return sum(target.endswith(".sqlite3") for target in opened)
    return len(opened & {f"socket:[{inode}]" for inode in connected_to(address.port)})


def opened_by(pid: int) -> set[str]:
    """What the descriptors of a process stand for; a file that is open twice is here twice."""
    opened = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue  # Closed meanwhile.
        opened.add(target if target.startswith("socket:") else f"{entry.name}:{target}")
    return opened


def connected_to(port: int) -> set[str]:
    """The inodes of this machine's connections to a port (proc(5), `/proc/net/tcp`)."""
    remote = f":{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[2].endswith(remote)}


@contextmanager
def watched(backend: Backend, pid: int) -> Iterator[list[int]]:
    """The numbers of connections that were seen while the block ran."""
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            seen.append(held(backend, pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def visit(address: str, asked: tuple[str, str, dict[str, str]]) -> tuple[str, int]:
    """Ask once, as a client of its own; the path and the status."""
    method, path, headers = asked
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        response.read()
        return path, response.status
    finally:
        connection.close()


async def open_sockets(url: str, count: int) -> None:
    """Open sockets at once that each show a session and join a room."""

    async def one(number: int) -> None:
        cookie = {"Cookie": f"sessionid={number:032d}"}
        async with connect(url, subprotocols=["bus.v1"], additional_headers=cookie) as socket:
            await socket.recv()
            await socket.send('{"ref": "1", "type": "room.join", "data": {"room": "lobby"}}')
            await socket.recv()

    await asyncio.gather(*(one(number) for number in range(count)))


def ask_everything(site: Fleet, url: str) -> Counter[tuple[str, int]]:
    """Visits from many clients and sockets at once; how often each path answered what."""
    address = urlsplit(url).netloc
    with ThreadPoolExecutor(CLIENTS + 1) as clients:
        sockets = clients.submit(asyncio.run, open_sockets(url, CLIENTS))
        each = [asked for asked in ASKED for _ in range(VISITS // 4)]
        mixed = itertools.chain.from_iterable(each[start :: len(ASKED)] for start in range(8))
        answers = Counter(clients.map(lambda asked: visit(address, asked), mixed))
        answers += Counter(clients.map(lambda _: visit(address, ASKED[1]), range(VISITS)))
        answers += Counter(clients.map(lambda _: visit(address, ASKED[-1]), range(VISITS)))
        sockets.result()
    return answers


@pytest.mark.parametrize("settings", ["tests.settings", "tests.support.kept_settings"])
def test_a_web_process_has_no_more_connections_than_it_may(backend: Backend, settings: str) -> None:
    environ = {"DJANGO_SETTINGS_MODULE": settings, "BUS_DATABASE_CONNECTIONS": str(MOST)}
    with fleet(backend, settings, **environ) as site:
        url = site.web("web")
        pid = site.processes["web"].pid
        with watched(backend, pid) as seen:
            answers = ask_everything(site, url)
        assert max(seen) <= MOST, Counter(seen)
        assert max(seen) > 0
        failed = {found for found in answers if found[1] >= 500 and found[0] != "/readyz"}
        assert not failed, site.text("web")
        assert "Traceback" not in site.text("web")
        # And what is over holds none but those of the pool.
        until(lambda: held(backend, pid) <= MOST, "few connections")
