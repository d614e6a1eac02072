"""A stranger has a moderated room in a project of theirs by README alone, from the built wheel."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, LocatorAssertions, Page, expect, sync_playwright

from tests.integration.browser.server import browser_path
from tests.support import wheel
from tests.support.guide import Project, blocks
from tests.support.manage_up import ROOT, environment, free_port

README = ROOT / "README.md"
SECTION = "## Into your own project"
UV = ROOT / ".venv" / "bin" / "uv"
MODELS = """
from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=100)
"""
TEN_MINUTES = 600
# What people wait for on a busy machine, in ms.
PATIENCE = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def project() -> Iterator[Project]:
    """A project with an app, a model and a superuser, in an environment that has Django alone."""
    # Short, since the broker's socket lies in it.
    with tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path:
        home = Path(path)
        built, _ = wheel.build(home / "dist")
        python = str(home / "venv" / "bin" / "python")
        uv("venv", "--quiet", str(home / "venv"))
        pins = home / "pins.txt"
        # As they are tried elsewhere: a release of somebody else's changes nothing here.
        locked = (ROOT / "requirements" / "base.txt").read_text("utf-8")
        pins.write_text("\n".join(re.findall(r"^([\w.-]+==[^\\\n]+)", locked, re.M)))

        def install(requirement: str) -> None:
            name, extras = requirement.split("[")
            uv(
                *("pip", "install", "--quiet", "--python", python, "--constraint", str(pins)),
                f"{name}[{extras} @ file://{built}" if name == "django-bus" else requirement,
            )

        install_django = ("pip", "install", "--quiet", "--python", python)
        uv(*install_django, "--constraint", str(pins), "django")
        directory = home / "site"
        directory.mkdir()
        found = Project(directory, python, _environment(home), install)
        found.run("-m", "django", "startproject", "mysite", ".")
        found.run("manage.py", "startapp", "shop")
        (directory / "shop" / "models.py").write_text(MODELS)
        found.write('# mysite/settings.py, at the end\nINSTALLED_APPS += ["shop"]\n')
        found.run("manage.py", "makemigrations", "shop")
        found.run("manage.py", "migrate")
        found.run("manage.py", "createsuperuser", "--no-input", "--username=mina", "--email=")
        yield found
        found.stop()


def uv(*arguments: str) -> None:
    """Run uv to its end."""
    subprocess.run([str(UV), *arguments], check=True)


def _environment(home: Path) -> dict[str, str]:
    found = environment(home / "var", free_port(), DJANGO_SUPERUSER_PASSWORD="correct-horse")
    # What the stranger's project keeps is where it keeps it.
    return {name: found[name] for name in found if name not in ("PYTHONPATH", "BUS_VAR_DIR")}


@pytest.mark.timeout(TEN_MINUTES)
def test_a_moderated_room_by_readme_alone_within_ten_minutes(
    browser: Browser, project: Project
) -> None:
    started = time.monotonic()
    text = README.read_text("utf-8")
    section = text[text.index(f"{SECTION}\n") :].split("\n## ")[0]
    *lines, up = blocks(README, SECTION)
    project.follow(lines)
    # What README says that it says, with no broker yet.
    assert project.issues() == ["bus.W037"]
    project.follow([up])
    home = f"http://127.0.0.1:{project.port}"
    make, room = (home + path for path in re.findall(r"`http://127\.0\.0\.1:8000(/.+?)`", section))

    page = browser.new_context().new_page()
    project.wait_for(lambda: opens(page, make), make)
    page.fill("[name=username]", "mina")
    page.fill("[name=password]", "correct-horse")
    page.click("[type=submit]")
    page.fill("[name=name]", "launch")
    page.select_option("[name=moderation]", "strict")
    page.click("[name=_save]")
    expect(page.locator(".success")).to_be_visible()

    other = page.context.new_page()
    for window in (page, other):
        window.goto(room)
        expect(window.locator(".online")).to_be_visible(timeout=PATIENCE)
    write(page, "Good morning, everyone")
    row(other, "Good morning, everyone").to_have_count(1, timeout=PATIENCE)
    assert time.monotonic() - started < TEN_MINUTES

    write(page, "you fucking asshole")
    refused = page.locator("ol li[data-status=rejected]")
    expect(refused).to_contain_text("you fucking asshole", timeout=PATIENCE)
    write(page, "and welcome")
    row(other, "and welcome").to_have_count(1, timeout=PATIENCE)
    row(other, "asshole").to_have_count(0)

    assert project.issues() == ["bus.W037"]
    # It is the wheel that runs, and what the project had is there.
    look = "import bus; from shop.models import Product; print(bus.__file__, Product.objects.all())"
    there = f"{Path(project.python).parents[1]}/lib/"
    printed = project.run("manage.py", "shell", "-v0", "-c", look)
    assert printed.startswith(there)
    assert "<QuerySet []>" in printed


def opens(page: Page, address: str) -> bool:
    """Whether a page is there, sign-in included."""
    try:
        page.goto(address)
    except Exception:
        return False
    return page.locator("[name=username]").count() == 1


def write(page: Page, text: str) -> None:
    """Write as people do."""
    page.get_by_role("textbox", name="Message").fill(text)
    page.keyboard.press("Enter")


def row(page: Page, text: str) -> LocatorAssertions:
    """What is expected of the lines with this text."""
    return expect(page.locator("ol li").filter(has_text=text))
