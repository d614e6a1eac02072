"""What holds in production without being asked for, and what does not start there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.manage_up import ROOT, environment

KEY = "jM3x_Qw8-vT1pLr6ZkY0nHs4BdFgCaUe7RiOq2XtEyWz5VuKb9"
NAMED = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "sqlite:///:memory:"}
PRODUCTION = {**NAMED, "SECRET_KEY": KEY, "ALLOWED_HOSTS": "chat.example.org"}
# Which asks the broker, too.
DATABASE = ("--database", "default")
ASKED = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS")


def python(directory: Path, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(directory, 0, **environ),
        capture_output=True,
        text=True,
        timeout=60,
    )


def settings(directory: Path, **environ: str) -> list[object]:
    code = (
        "import json; from bus import settings as s; "
        f"print(json.dumps([getattr(s, n, 0) for n in {ASKED}]))"
    )
    done = python(directory, "-c", code, **environ)
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


def test_the_check_for_deployment_finds_but_that_no_broker_runs_here(tmp_path: Path) -> None:
    done = python(tmp_path, "manage.py", "check", "--deploy", *DATABASE, **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"\((\w+\.[EW]\d+)\)", done.stderr) == ["bus.W009"]


def test_cookies_are_secure_and_browsers_keep_to_https_in_production_alone(tmp_path: Path) -> None:
    assert settings(tmp_path, **PRODUCTION) == [True, True, 31_536_000]
    assert settings(tmp_path, **PRODUCTION, BUS_HSTS="60") == [True, True, 60]
    for environ in ({}, {**PRODUCTION, "BUS_HTTPS": "0"}, {**PRODUCTION, "DEBUG": "1"}):
        assert settings(tmp_path, **environ) == [0, 0, 0]


@pytest.mark.parametrize("where", [{}, NAMED], ids=["embedded", "production"])
@pytest.mark.parametrize(
    "key", ["a", "a" * 60, "secret" * 20, "change-me", "django-insecure-" + KEY], ids=range(5)
)
def test_a_key_that_can_be_guessed_does_not_start(
    tmp_path: Path, key: str, where: dict[str, str]
) -> None:
    done = python(tmp_path, "manage.py", "check", SECRET_KEY=key, **where)
    assert done.returncode == 1
    assert done.stderr.startswith("error: SECRET_KEY is too easy to guess")
    assert "secrets.token_urlsafe(50)" in done.stderr
