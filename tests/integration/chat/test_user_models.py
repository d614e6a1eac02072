"""Bus with users of a project's own: the tests of tests/hosts/users, with each kind of users."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HOST = ROOT / "tests" / "hosts" / "users"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("users", ["uuid", "text", "email", "proxy"])
def test_rooms_work_with_users_of_the_projects_own(users: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BUS_", "TESTS_"))}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    run = [sys.executable, "-m", "pytest", "-c", str(HOST / "pytest.ini"), "-q", "-x"]
    # Short, because a socket's path must be: of the broker, unless REDIS_URL names one.
    with tempfile.TemporaryDirectory(prefix="bus-", dir="/tmp") as directory:
        environment |= {"HOST_USERS": users, "BUS_VAR_DIR": directory, "CI": "1"}
        done = subprocess.run(
            [*run, f"--rootdir={HOST}", str(HOST)],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
