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


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"ok", "it is not Bus that says so"),
        (b'{"ok": true, "checks": {"cache": "ok"}}', "it is not Bus that says so"),
        (b"[]", "it is not Bus that says so"),
    ],
)
def test_what_answers_there_and_is_not_bus_is_not_taken_for_it(answer: bytes, says: str) -> None:
    assert says in _heard(answer)


def test_bus_itself_is_taken_for_it() -> None:
    assert _heard(b'{"ok": true, "checks": {"database": "ok", "broker": "ok"}}') == "ready"


def _heard(answer: bytes) -> str:
    """What comes of it where the path is answered so, with 200."""

    class Web(_Web):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

    stopping, said = threading.Event(), threading.Event()
    heard: list[str] = []

    def hear(what: str) -> None:
        heard.append(what)
        said.set()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = ("127.0.0.1", server.server_address[1])
        ReadyWatch(where, "/readyz", {}, stopping, lambda: hear("ready"), hear, patience=0).start()
        assert said.wait(10)
        stopping.set()
        server.shutdown()
    return heard[0]
