"""The proxies of README.md, as they stand there, in front of a web process."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from tests.support.certificates import Certificates
from tests.support.manage_up import ROOT, free_port
from tests.support.raw_socket import read_all
from tests.support.site import Site
from tests.support.wait import until

NAME = "chat.example.org"
PROXIES = ["nginx", "caddy"]
NGINX = """
user {user}; daemon off; worker_processes 1;
pid {directory}/nginx.pid; error_log {directory}/nginx.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/a; uwsgi_temp_path {directory}/b; scgi_temp_path {directory}/c;
    {snippet}
}}
"""


def binary_of(kind: str) -> str:
    """Where a proxy is; skips the test, or fails it in CI, where there is none."""
    path = shutil.which(kind, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if path is None:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say(f"no {kind} on the PATH: install it to test what README.md says of it")
    return path


def snippet(kind: str) -> str:
    """The configuration of README.md."""
    language = {"nginx": "nginx", "caddy": "caddyfile"}[kind]
    found = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    assert len(found) == 1
    return str(found[0])


def replaced(text: str, *changes: tuple[str, str]) -> str:
    """A text with each of these changed; each is there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


class Proxy:
    """A proxy in front of a port."""

    def __init__(self, kind: str, directory: Path, upstream: int) -> None:
        self.kind = kind
        self.plain, self.port = free_port(), free_port()
        directory.mkdir(parents=True)
        self.certificates = Certificates(directory / "tls")
        make = {"nginx": self._nginx, "caddy": self._caddy}[kind]
        self._log = directory / "out.log"
        home = {"HOME": str(directory), "XDG_DATA_HOME": str(directory)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                make(directory, upstream),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **home},
            )
        until(self._answers, f"{kind} to listen", 30)

    def close(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(20)

    @contextmanager
    def tls(self) -> Iterator[ssl.SSLSocket]:
        """Connect, as a browser does."""
        context = ssl.create_default_context(cafile=str(self.certificates.authority))
        context.check_hostname = False
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=30) as peer,
            context.wrap_socket(peer, server_hostname=NAME) as safe,
        ):
            yield safe

    def ask(self, head: str, *headers: str, body: bytes = b"", name: str = NAME) -> bytes:
        """The whole answer to a request."""
        lines = [head, f"Host: {name}", *headers, "Connection: close", "", ""]
        with self.tls() as peer:
            try:
                peer.sendall("\r\n".join(lines).encode() + body)
            except (ConnectionError, ssl.SSLError):
                # It has answered, and reads no more.
                pass
            return read_all(peer)

    def status(self, head: str, *headers: str, body: bytes = b"") -> int:
        """Its status."""
        return int(self.ask(head, *headers, body=body).split(None, 2)[1])

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text("utf-8", "replace")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _nginx(self, directory: Path, upstream: int) -> list[str]:
        text = replaced(
            snippet("nginx"),
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
            ("/etc/ssl/chat.example.org.pem", str(self.certificates.certificate)),
            ("/etc/ssl/chat.example.org.key", str(self.certificates.key)),
            ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
            ("10s;", "1s;"),
        )
        path = directory / "nginx.conf"
        path.write_text(
            NGINX.format(user=getpass.getuser(), directory=directory, snippet=text), "utf-8"
        )
        return [binary_of("nginx"), "-c", str(path), "-e", str(directory / "nginx.log")]

    def _caddy(self, directory: Path, upstream: int) -> list[str]:
        tls = f"tls {self.certificates.certificate} {self.certificates.key}"
        text = replaced(
            snippet("caddy"),
            ("{\n    servers {", f"{{\n    admin off\n    http_port {self.plain}\n    servers {{"),
            (f"{NAME} {{", f"https://{NAME}:{self.port} {{\n    bind 127.0.0.1\n    {tls}"),
            ("127.0.0.1:8000", f"127.0.0.1:{upstream}"),
            ("read_header 10s", "read_header 1s"),
        )
        path = directory / "Caddyfile"
        path.write_text(text, "utf-8")
        return [binary_of("caddy"), "run", "--adapter", "caddyfile", "--config", str(path)]


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture(scope="module")
def site(directory: Path) -> Iterator[Site]:
    """Bus as in production, behind a proxy of this machine."""
    found = Site(
        directory / "site",
        DATABASE_URL=f"sqlite:///{directory}/site/named.sqlite3",
        SECRET_KEY="0nly-f0r-this-test-and-l0ng-en0ugh-n0t-t0-be-guessed-by-anyb0dy",
        ALLOWED_HOSTS=f"{NAME},127.0.0.1",
        BUS_TRUSTED_PROXIES="127.0.0.1",
        BUS_OPEN_ROOMS="1",
    )
    found.environment["REDIS_URL"] = found.broker.url
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request: pytest.FixtureRequest, directory: Path, site: Site) -> Iterator[Proxy]:
    binary_of(request.param)
    found = Proxy(request.param, directory / request.param, site.port)
    yield found
    found.close()


def test_pages_are_served_by_https(proxy: Proxy) -> None:
    answer = proxy.ask("GET /chat/ HTTP/1.1", name=f"{NAME}:{proxy.port}")
    assert answer.split(None, 2)[1] == b"200", answer[:2000]
    assert b"strict-transport-security: " in answer.lower()


def test_a_socket_of_the_page_opens_and_lasts(proxy: Proxy) -> None:
    context = ssl.create_default_context(cafile=str(proxy.certificates.authority))
    context.check_hostname = False
    host = f"{NAME}:{proxy.port}"
    with (
        socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as peer,
        connect(
            f"wss://{host}/ws/", sock=peer, ssl=context, server_hostname=NAME,
            subprotocols=["bus.v1"], origin=f"https://{host}", proxy=None,
        ) as chat,
    ):  # fmt: skip
        assert json.loads(chat.recv(20))["type"] == "session.started"
        command = {"ref": "1", "type": "room.join", "data": {"room": "lobby"}}
        chat.send(json.dumps(command))
        assert json.loads(chat.recv(20))["ok"] is True


def test_heads_and_bodies_are_bounded_in_front(proxy: Proxy) -> None:
    assert proxy.status("GET /livez HTTP/1.1", *(f"X-{n}: {'x' * 4000}" for n in range(40))) in (
        400, 431,
    )  # fmt: skip
    length = "Content-Length: 5000000"
    large = proxy.status("POST /api/v1/x HTTP/1.1", length, body=b"x" * 5_000_000)
    # Caddy 2.6 has no better word for what is above its own limit.
    assert large in (413, 502 if proxy.kind == "caddy" else 413)
    length = "Content-Length: 300000"
    form = proxy.status("POST /accounts/login/ HTTP/1.1", length, body=b"x" * 300_000)
    assert form == 413


def test_half_a_request_ends_by_itself(proxy: Proxy) -> None:
    with proxy.tls() as peer:
        peer.sendall(f"GET /livez HTTP/1.1\r\nHost: {NAME}\r\n".encode())
        assert b"200" not in read_all(peer)


@pytest.mark.parametrize("kind", PROXIES)
def test_the_client_is_told_by_its_own_address(kind: str, directory: Path) -> None:
    binary_of(kind)
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        heard: list[str] = []

        def listen() -> None:
            peer, _ = listener.accept()
            with peer:
                heard.append(peer.recv(65_536).decode())
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        proxy = Proxy(kind, directory / f"{kind}-told", listener.getsockname()[1])
        stack.callback(proxy.close)
        spoofed = ("X-Forwarded-For: 203.0.113.9, 8.8.8.8", "X-Forwarded-Proto: http")
        proxy.ask("GET /chat/ HTTP/1.1", *spoofed)
        thread.join(20)
    headers = {
        name.lower(): value
        for name, _, value in (line.partition(": ") for line in heard[0].split("\r\n"))
    }
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["host"] == NAME


def test_nginx_sends_http_on_to_https(directory: Path) -> None:
    binary_of("nginx")
    proxy = Proxy("nginx", directory / "plain", free_port())
    try:
        with socket.create_connection(("127.0.0.1", proxy.plain), timeout=20) as peer:
            peer.sendall(
                f"GET /chat/ HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode()
            )
            answer = read_all(peer)
    finally:
        proxy.close()
    assert answer.split(None, 2)[1] == b"301"
    location = re.search(rb"Location: (\S+)", answer)
    assert location is not None
    assert urlsplit(location[1].decode())[:3] == ("https", NAME, "/chat/")
