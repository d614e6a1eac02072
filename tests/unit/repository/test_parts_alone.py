"""A part of Bus runs where what only the others need is not installed."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from django import VERSION
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]

# Refuses these packages to a program, as if they were not installed.
_BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
sys.path.insert(0, {root!r})
"""

_MODERATION = """
from bus.moderation import POLICIES, Context, judge
verdict = judge("you fucking idiot", POLICIES["strict"], Context())
print(verdict.action)
"""

_CLIENT = """
import asyncio
from bus.client import connect
print(connect.__name__, "django" in sys.modules)
"""

# A project that has only the layer and `runworker`, for consumers of its own.
_BROKER = """
import pkgutil
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["bus.broker"],
    CHANNEL_LAYERS={"default": {"BACKEND": "bus.broker.BusChannelLayer", "CONFIG": {"hosts": []}}},
)
django.setup()
import bus.broker
for module in pkgutil.walk_packages(bus.broker.__path__, "bus.broker."):
    __import__(module.name)
from channels.layers import get_channel_layer
from django.apps import apps
from django.core.management import get_commands
print(type(get_channel_layer()).__name__, get_commands()["runworker"], len(list(apps.get_models())))
"""

# A project with all of Bus, whose modules are imported one by one.
_ALL = """
import json
import pkgutil
import django
from django.conf import settings
import bus
contrib = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")
templates = {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
settings.configure(
    SECRET_KEY="of a test", USE_TZ=True, ROOT_URLCONF="bus.urls", STATIC_URL="static/",
    INSTALLED_APPS=["bus", "channels", *map("django.contrib.{}".format, contrib)],
    CHANNEL_LAYERS=bus.channel_layers(), TEMPLATES=[templates],
)
django.setup()
told = {}
for module in pkgutil.walk_packages(bus.__path__, "bus.", onerror=lambda name: None):
    try:
        __import__(module.name)
    except Exception as error:
        told[module.name] = str(error)
    else:
        told[module.name] = ""
print(json.dumps(told))
"""
# What does not import without an extra.
_BY_EXTRA = {
    "bus.embedded.broker_keeper": "embedded",
    "bus.embedded.procfile": "embedded",
    "bus.embedded.supervisor": "embedded",
    "bus.servers.direct_websocket": "server",
    "bus.servers.open_websocket": "server",
    "bus.servers.uvicorn_http": "server",
    "bus.servers.uvicorn_process": "server",
    "bus.servers.uvicorn_upgrade": "server",
    "bus.servers.uvicorn_websocket": "server",
}
# Nor what another project has no use for, or needs Django 6.
_ELSEWHERE = {"bus.settings"} | ({"bus.tasks", "bus.workers.tasks"} if VERSION < (6,) else set())


def others(names: Iterable[str]) -> set[str]:
    """The installed packages that neither these distributions are nor what they need themselves."""
    todo, seen = list(names), set()
    while todo:
        name = canonical(todo.pop())
        if name in seen:
            continue
        seen.add(name)
        for text in importlib.metadata.requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                todo.append(needed.name)
    owners = importlib.metadata.packages_distributions()
    unneeded = {module for module, by in owners.items() if not seen & set(map(canonical, by))}
    return {"config", "tests", "tools"} | unneeded - {"bus"}


def canonical(name: str) -> str:
    """A distribution's name as the index has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def run(program: str, *distributions: str) -> str:
    """What a program prints where only these distributions are installed."""
    head = _BLOCK.format(blocked=others(distributions), root=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", head + program], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def declared() -> set[str]:
    """What Bus needs without extras, as pyproject.toml says."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {Requirement(line).name for line in known["dependencies"]}


def documented() -> dict[str, set[str]]:
    """What docs/install.md has installed for each part, by the part's module."""
    section = (ROOT / "docs" / "install.md").read_text("utf-8").partition("## Parts alone")[2]
    rows = re.findall(r"^\| `(bus\.\w+)`.*\| `([^`|]+)` \|$", section, re.MULTILINE)
    return {part: set(needs.split()) for part, needs in rows}


_PARTS = {
    "bus.moderation": (_MODERATION, "reject"),
    "bus.client": (_CLIENT, "connect False"),
    "bus.broker": (_BROKER, "BusChannelLayer bus.broker 0"),
}


def test_the_docs_name_the_parts() -> None:
    assert documented().keys() == _PARTS.keys()


@pytest.mark.parametrize("part", _PARTS)
def test_a_part_runs_with_what_the_docs_have_installed_alone(part: str) -> None:
    (program, printed), needs = _PARTS[part], documented()[part]
    assert needs <= declared()
    assert run(program, *needs) == printed
    for one in needs:
        with pytest.raises(AssertionError, match="No module named"):
            run(program, *(needs - {one}))


def test_every_module_imports_without_the_extras_or_names_the_one_it_needs() -> None:
    told = json.loads(run(_ALL, *declared()))
    assert len(told) > 300
    failed = {name: text for name, text in told.items() if text and name not in _ELSEWHERE}
    assert failed.keys() == _BY_EXTRA.keys()
    for name, extra in _BY_EXTRA.items():
        line = rf'\w+ is not installed; it comes with: pip install "django-bus\[{extra}\]"'
        assert re.fullmatch(line, failed[name]), name
