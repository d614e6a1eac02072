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
@pytest.mark.parametrize("users", ["uuid", "text", "email", "child", "proxy"])
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


def test_another_user_model_after_the_tables_is_named_with_what_to_do() -> None:
    with tempfile.TemporaryDirectory(prefix="bus-", dir="/tmp") as directory:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("BUS_", "TESTS_"))}
        environment.pop("DATABASE_URL", None)
        environment |= {"DJANGO_SETTINGS_MODULE": "settings", "BUS_VAR_DIR": directory}
        environment["PYTHONPATH"] = f"{HOST}{os.pathsep}{ROOT}"

        def manage(users: str, *command: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "django", *command],
                env=environment | {"HOST_USERS": users}, cwd=ROOT,
                capture_output=True, text=True, check=False,
            )  # fmt: skip

        assert manage("proxy", "check", "--database", "default").returncode == 0
        assert manage("proxy", "migrate").returncode == 0
        assert "bus.E042" not in manage("proxy", "check", "--database", "default").stderr
        swapped = manage("uuid", "check", "--database", "default")
        assert swapped.returncode != 0
        assert "people.Person (people_person)" in swapped.stderr
        assert "of the table auth_user. " in " ".join(swapped.stderr.split()) + " "
        assert "bus_member.user_id" in swapped.stderr
        assert "migrate bus zero" in swapped.stderr
        # What it says.
        assert manage("proxy", "migrate", "bus", "zero").returncode == 0
        assert manage("uuid", "check", "--database", "default").returncode == 0
