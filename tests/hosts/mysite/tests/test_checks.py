"""The plain `check` asks no server with any Django; that of the database asks the broker, too."""

import os
import socket
import subprocess
import sys

import pytest


@pytest.fixture
def silent():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        found.listen()
        yield found


def check(pytestconfig, silent, *options):
    done = subprocess.run(
        [sys.executable, "manage.py", "check", *options], cwd=pytestconfig.rootpath, check=False,
        env={**os.environ, "REDIS_URL": f"redis://127.0.0.1:{silent.getsockname()[1]}"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    silent.setblocking(False)
    try:
        silent.accept()[0].close()
    except BlockingIOError:
        return done.stdout, "asked nobody"
    return done.stderr, "asked"


def test_the_plain_check_asks_no_server(pytestconfig, silent):
    said, asked = check(pytestconfig, silent)
    assert "no issues" in said
    assert asked == "asked nobody"


def test_the_check_of_the_database_asks_the_broker_and_does_not_wait_long(pytestconfig, silent):
    said, asked = check(pytestconfig, silent, "--database", "default")
    assert "(bus.W009) The broker does not answer within 3.0 s." in said
    assert asked == "asked"
