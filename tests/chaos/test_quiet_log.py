"""What strangers do wrong is a line in the log and a count, not a traceback for each time."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from tests.support.backend import Backend
from tests.support.processes import Fleet, fleet
from tests.support.raw_socket import (
    BINARY,
    CLOSE,
    TEXT,
    connected,
    frame,
    handshake,
    opened,
    read_all,
)
from tests.support.wait import until

TIMES = 40
# Of one deed there may be a line by the server, by Django and by us, and a count for each.
LINES = 6
LONG_FORM = "&".join(f"f{n}=x" for n in range(2000)).encode()


@pytest.fixture(scope="module")
def site(backend: Backend) -> Iterator[Fleet]:
    with fleet(backend, "quiet", BUS_PREFIX="quiet") as found:
        found.url = found.web("web")  # type: ignore[attr-defined]
        yield found


def frames(*data: bytes) -> Callable[[str], None]:
    """Open a WebSocket and send this."""

    def do(url: str) -> None:
        with opened(url) as peer:
            with suppress(ConnectionError):
                peer.sendall(b"".join(data))
            read_all(peer)

    return do


def request(head: str, *headers: str, body: bytes = b"") -> Callable[[str], None]:
    """Send a request; `{host}` stands for where it goes."""

    def do(url: str) -> None:
        host = urlsplit(url).netloc
        given = (
            headers if any(h.startswith("Host") for h in headers) else (*headers, "Host: {host}")
        )
        lines = [head, *given, "Connection: close", f"Content-Length: {len(body)}", "", ""]
        with connected(url) as peer:
            peer.sendall("\r\n".join(lines).replace("{host}", host).encode("latin-1") + body)
            read_all(peer)

    return do


def gone(head: str) -> Callable[[str], None]:
    """Ask, and do not wait for the answer."""

    def do(url: str) -> None:
        with connected(url) as peer:
            peer.sendall(f"{head}\r\nHost: {urlsplit(url).netloc}\r\n\r\n".encode())
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))

    return do


def upgrade(path: str, **headers: str) -> Callable[[str], None]:
    """Ask for a WebSocket that there is not."""

    def do(url: str) -> None:
        with connected(url) as peer:
            peer.sendall(handshake(path, **headers))
            read_all(peer)

    return do


FORM = "Content-Type: application/x-www-form-urlencoded"
DEEDS = {
    "bad UTF-8": frames(frame(TEXT, b"\xff\xfe")),
    "bad UTF-8 in pieces": frames(frame(TEXT, b"\xff", fin=False), frame(0, b"\xfe")),
    "unmasked": frames(b"\x81\x02hi"),
    "unknown opcode": frames(b"\x83\x80\0\0\0\0"),
    "reserved bits": frames(b"\xc1\x80\0\0\0\0"),
    "bad close code": frames(frame(CLOSE, b"\0\1")),
    "half a close code": frames(frame(CLOSE, b"\3")),
    "bad close reason": frames(frame(CLOSE, b"\x03\xe8\xff")),
    "long ping": frames(frame(9, b"x" * 200)),
    "endless continuation": frames(frame(0, b"x")),
    "too large": frames(frame(BINARY, b"x" * 2_000_000)),
    "no JSON": frames(frame(TEXT, b"nonsense")),
    "foreign host": request("GET /chat/ HTTP/1.1", "Host: evil.example"),
    "broken host": request("GET /chat/ HTTP/1.1", "Host: a b<>"),
    "foreign host, API": request("GET /api/v1/nothing HTTP/1.1", "Host: evil.example"),
    "no such page": request("GET /nothing HTTP/1.1"),
    "no such method": request("PUT /livez HTTP/1.1"),
    "no CSRF token": request("POST /accounts/login/ HTTP/1.1", FORM, body=b"a=b"),
    "too many fields": request("POST /accounts/login/ HTTP/1.1", FORM, body=LONG_FORM),
    "broken form": request(
        "POST /accounts/login/ HTTP/1.1", "Content-Type: multipart/form-data; boundary=x", body=b"x"
    ),
    "traversal": request("GET /static/../../etc/passwd HTTP/1.1"),
    "NUL in a path": request("GET /chat/%00/ HTTP/1.1"),
    "NUL in a search": request("GET /chat/?q=%00&page=%00&before=%00 HTTP/1.1"),
    "NUL in a room's history": request("GET /chat/lobby/?before=%00&after=%00 HTTP/1.1"),
    "NUL in a call": request("GET /api/v1/rooms/%00?after=%00 HTTP/1.1"),
    "NUL in a cookie": request(
        "GET /chat/ HTTP/1.1", 'Cookie: sessionid="abcdefgh\\000"; bus_guest="x\\000"'
    ),
    "NUL in a form": request(
        "POST /accounts/login/ HTTP/1.1", FORM, body=b"username=%00&password=%00"
    ),
    "NUL in a socket's path": upgrade("/ws/chat/%00/"),
    "line breaks in a path": request("GET /a%0d%0aERROR%20django:%20forged HTTP/1.1"),
    "half characters": request("GET /chat/?q=%ff%fe HTTP/1.1", "Cookie: sessionid=%00\xff"),
    "not HTTP": request("nonsense"),
    "bad version": request("GET / HTTP/9.9"),
    "bad header": request("GET / HTTP/1.1", "Host : x"),
    "CONNECT": request("CONNECT evil.example:443 HTTP/1.1"),
    "bad length": request("POST / HTTP/1.1", "Content-Length: x"),
    "other upgrade": request("GET /livez HTTP/1.1", "Upgrade: h2c", "Connection: Upgrade"),
    "gone": gone("GET /chat/ HTTP/1.1"),
    "gone from a static file": gone("GET /static/bus/client.js HTTP/1.1"),
    "foreign origin": upgrade("/ws/", Origin="https://evil.example"),
    "no such socket": upgrade("/ws/nowhere/"),
    "bad WebSocket key": upgrade("/ws/", Sec_WebSocket_Key="x"),
    "bad WebSocket version": upgrade("/ws/", Sec_WebSocket_Version="7"),
    "no characters in an address": upgrade("/ws/\u00ff"),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_a_stranger_does_is_a_line_and_a_count(site: Fleet, deed: str) -> None:
    url: str = site.url  # type: ignore[attr-defined]
    before = site.text("web")
    for _ in range(TIMES):
        DEEDS[deed](url)
    # All of it is handled once this is answered.
    request("GET /livez HTTP/1.1")(url)
    written = site.text("web").removeprefix(before)
    assert "Traceback" not in written
    assert written.count("\n") <= LINES, written[:4000]
    assert "\nERROR django: forged" not in written


def test_the_others_are_counted_in_the_end(site: Fleet) -> None:
    until(lambda: "more of this kind in the last 10 s" in site.text("web"), "a count", 30)
