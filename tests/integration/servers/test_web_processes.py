"""A web process whose event loop hangs is replaced, which uvicorn by itself would not see."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.spread import children
from benchmarks.stage import free_port
from tests.support.wait import until

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for children in /proc")

ROOT = Path(__file__).parents[3]
# It says which process it is, and then its loop never comes round again.
APPLICATION = """
import os, threading

async def application(scope, receive, send):
    start = {"type": "http.response.start", "status": 200, "headers": []}
    await send(start)
    await send({"type": "http.response.body", "body": b"<%d>" % os.getpid(), "more_body": True})
    threading.Event().wait()
"""


def test_a_process_whose_loop_hangs_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "hanging.py").write_text(APPLICATION)
    port = free_port()
    options = ["--port", str(port), "--lifespan", "off", "--timeout-worker-healthcheck", "5"]
    parent = subprocess.Popen(
        [sys.executable, "-m", "bus.servers.uvicorn_process", "hanging:application", *options],
        cwd=ROOT,
        env=os.environ | {"WEB_CONCURRENCY": "2", "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        hung = hang(port)
        assert hung in children(parent.pid)
        until(
            lambda: hung not in (now := children(parent.pid)) and len(now) == 2,
            "another in its place",
            60,
        )
        parent.terminate()
        assert parent.wait(30) == 0
    finally:
        if parent.poll() is None:
            os.killpg(parent.pid, signal.SIGKILL)
            parent.wait(30)


def hang(port: int) -> int:
    """Have one process hang; its id."""

    def reached() -> bool:
        opened = socket.socket()
        opened.settimeout(30)
        if opened.connect_ex(("127.0.0.1", port)) != 0:
            opened.close()
            return False
        with opened, opened.makefile("rb") as answer:
            opened.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for line in answer:
                if line.startswith(b"<"):
                    found.append(int(line.strip().strip(b"<>")))
                    break
        return bool(found)

    found: list[int] = []
    until(reached, "a process that answers", 60)
    return found[0]
