"""System checks in a project that has the broker, and no chat."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LAYERS = 'CHANNEL_LAYERS = {"default": {"BACKEND": "bus.broker.BusChannelLayer"}}\n'
MEMORY = LAYERS.replace("bus.broker.Bus", "channels.layers.InMemory")
BOTH = "django.contrib.auth", "django.contrib.contenttypes", "bus", "channels", "bus.broker"


def check(directory: Path, settings: str, *apps: str) -> list[str]:
    """What `manage.py check` says, by the ids of its messages."""
    (directory / "shop").mkdir()
    (directory / "shop" / "__init__.py").touch()
    (directory / "shop" / "workers.py").write_text("import nothing_of_this_name\n")
    head = f"SECRET_KEY = 'x'\nDEBUG = True\nINSTALLED_APPS = {list(apps)}\n"
    (directory / "odd.py").write_text(head + settings)
    done = subprocess.run(
        [sys.executable, "-m", "django", "check", "--settings=odd", f"--pythonpath={directory}"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return sorted(re.findall(r"bus\.[EW]\d+", done.stderr))


@pytest.mark.parametrize(
    ("settings", "apps", "found"),
    [
        (LAYERS, ["bus.broker", "channels"], []),
        (LAYERS, ["channels", "bus.broker"], ["bus.E030"]),
        (LAYERS, ["bus.broker", "shop"], ["bus.W030"]),
        ("", ["bus.broker"], ["bus.E001"]),
        (MEMORY, ["bus.broker"], ["bus.W012"]),
    ],
)
def test_the_broker_alone_names_what_it_lacks(
    settings: str, apps: list[str], found: list[str], tmp_path: Path
) -> None:
    assert check(tmp_path, settings, *apps) == found


def test_beside_the_chat_each_is_said_once(tmp_path: Path) -> None:
    found = check(tmp_path, "", *BOTH, "shop")
    assert [found.count(code) for code in ("bus.E001", "bus.W030", "bus.E030")] == [1, 1, 0]
    assert "bus.W012" not in found
