"""The watch of `manage.py up` asks with the secret of `web`, and so is told what is missing."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from bus.embedded.ready import ReadyWatch


class _Web(http.server.BaseHTTPRequestHandler):
    """Tells who shows the secret what is wrong, and is never ready."""

    def do_GET(self) -> None:
        shown = self.headers.get("Authorization") == "Bearer the secret of web"
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b"no worker" if shown else b"failed")

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Web) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_who_waits_in_vain_is_told_what_is_missing(port: int) -> None:
    stopping, late = threading.Event(), threading.Event()
    told: list[str] = []

    def on_late(why: str) -> None:
        told.append(why)
        late.set()

    shown = {"Authorization": "Bearer the secret of web"}
    watch = ReadyWatch(
        ("127.0.0.1", port), "/readyz", shown, stopping, stopping.set, on_late, patience=0.0
    )
    watch.start()
    assert late.wait(10)
    stopping.set()
    assert told == ["no worker"]
