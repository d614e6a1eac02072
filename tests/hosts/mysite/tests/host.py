"""A project's own processes, as `manage.py up` starts them, and people who use them."""

import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from wait import until

START_SECONDS = 90
STOP_SECONDS = 30
# Of what a site that fails has said, in characters.
_SHOWN = 5000


class Site:
    """A project that runs on this machine."""

    def __init__(self, directory: Path, readyz: str) -> None:
        self.directory = directory
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._readyz = readyz
        self._log = directory / "up.log"

    def __enter__(self) -> "Site":
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"], cwd=self.directory, stdout=log, stderr=log,
                env={**os.environ, "PORT": str(self.port)},
            )  # fmt: skip
        try:
            until(self._is_ready, "the site is ready", START_SECONDS)
        except BaseException as error:
            self._stop()
            raise AssertionError(self.log()[-_SHOWN:]) from error
        return self

    def __exit__(self, *exc: object) -> None:
        code = self._stop()
        assert code == 0, self.log()[-_SHOWN:]
        assert "Traceback" not in self.log()

    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text("utf-8", "replace")

    def manage(self, *arguments: str) -> str:
        """What a management command prints; it succeeds."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=self.directory, capture_output=True,
            text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def shell(self, code: str) -> str:
        """What a line of Python prints in the project."""
        return self.manage("shell", "--verbosity", "0", "-c", code).strip()

    def websocket(self, path: str) -> str:
        """The address of a socket."""
        return f"ws://127.0.0.1:{self.port}{path}"

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, "it has ended"
        try:
            return Person(self).get(self._readyz)[0] == 200
        except OSError:
            return False

    def _stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


class Person:
    """Somebody's browser: it keeps cookies."""

    def __init__(self, site: Site) -> None:
        self._address = f"http://127.0.0.1:{site.port}"
        self._jar = http.cookiejar.CookieJar()
        cookies = urllib.request.HTTPCookieProcessor(self._jar)
        self._opener = urllib.request.build_opener(cookies)

    def get(self, path: str) -> tuple[int, str]:
        """The status and the text at a path."""
        return self._open(urllib.request.Request(self._address + path))

    def post(self, path: str, **fields: str) -> tuple[int, str]:
        """Send a form that was fetched from there before."""
        _, page = self.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None, page
        body = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token[1]}).encode()
        return self._open(urllib.request.Request(self._address + path, body))

    @property
    def headers(self) -> dict[str, str]:
        """What the browser sends along with a WebSocket."""
        return {"Cookie": "; ".join(f"{one.name}={one.value}" for one in self._jar)}

    @property
    def cookies(self) -> dict[str, str]:
        """The paths of the cookies by their names."""
        return {one.name: one.path for one in self._jar}

    def _open(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with self._opener.open(request, timeout=20) as answer:
                return answer.status, answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8", "replace")
