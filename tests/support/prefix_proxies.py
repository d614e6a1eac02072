"""nginx and Caddy in front of a project that is under `/live`, and a host for its static files."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.manage_up import free_port
from tests.support.wait import until

PREFIX = "/live"
_NGINX = """
user {user}; daemon off; worker_processes 1;
pid {directory}/nginx.pid; error_log {directory}/nginx.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    types {{ text/javascript js; text/css css; image/svg+xml svg; }}
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/a; uwsgi_temp_path {directory}/b; scgi_temp_path {directory}/c;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port};
        {locations}
    }}
}}
"""
_LOCATION = """
location {prefix}/ {{
    proxy_pass http://127.0.0.1:{upstream}{ending};
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Script-Name "{script_name}";
}}
"""
_STATIC = """
location /files/ {{
    alias {root}/;
    add_header Access-Control-Allow-Origin *;
}}
"""
_CADDY = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    handle_path {prefix}/* {{
        reverse_proxy 127.0.0.1:{upstream} {{
            header_up X-Script-Name "{script_name}"
        }}
    }}
}}
"""


def binary_of(kind: str) -> str:
    """Where a proxy is; skips the test, or fails it in CI, where there is none."""
    path = shutil.which(kind, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if path is None:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say(f"no {kind} on the PATH: install it to test what it does in front of Bus")
    return path


@contextmanager
def nginx(directory: Path, upstream: int, *, keeps: bool, script_name: str = "") -> Iterator[str]:
    """The address of an nginx that keeps the prefix, or takes it off."""
    ending = "" if keeps else "/"
    location = _LOCATION.format(
        prefix=PREFIX, upstream=upstream, ending=ending, script_name=script_name
    )
    with _nginx(directory, location) as address:
        yield address


@contextmanager
def static_host(directory: Path, root: Path) -> Iterator[str]:
    """The address of a host that has nothing but the files of a directory."""
    with _nginx(directory, _STATIC.format(root=root)) as address:
        yield f"{address}/files/"


@contextmanager
def caddy(directory: Path, upstream: int, *, script_name: str) -> Iterator[str]:
    """The address of a Caddy that takes the prefix off, and says which it was."""
    directory.mkdir(parents=True)
    port = free_port()
    path = directory / "Caddyfile"
    path.write_text(
        _CADDY.format(port=port, prefix=PREFIX, upstream=upstream, script_name=script_name)
    )
    command = [binary_of("caddy"), "run", "--adapter", "caddyfile", "--config", str(path)]
    with _running(directory, command, port) as address:
        yield address


@contextmanager
def _nginx(directory: Path, locations: str) -> Iterator[str]:
    directory.mkdir(parents=True)
    port = free_port()
    path = directory / "nginx.conf"
    text = _NGINX.format(
        user=getpass.getuser(), directory=directory, port=port, locations=locations
    )
    path.write_text(text)
    command = [binary_of("nginx"), "-c", str(path), "-e", str(directory / "nginx.log")]
    with _running(directory, command, port) as address:
        yield address


@contextmanager
def _running(directory: Path, command: list[str], port: int) -> Iterator[str]:
    log = directory / "out.log"
    home = {"HOME": str(directory), "XDG_DATA_HOME": str(directory)}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **home},
        )

    def answers() -> bool:
        assert process.poll() is None, log.read_text("utf-8", "replace")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(answers, "the proxy to listen", 30)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
