"""The tests of a project that has Bus for its tasks, where this Django has tasks."""

import os
import subprocess
import sys
from pathlib import Path

import django
import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(
    django.VERSION < (6, 0),
    reason="Django 5.2 has no tasks; tests/hosts/tasks is run with 6.0 and 6.1",
)
@pytest.mark.timeout(600)
def test_a_project_runs_its_tasks_with_bus() -> None:
    ours = {"DJANGO_SETTINGS_MODULE", "REDIS_URL", "DATABASE_URL", "BUS_VAR_DIR"}
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"],
        cwd=ROOT / "tests" / "hosts" / "tasks",
        env={**environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-8000:]
