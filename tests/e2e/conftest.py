"""What end-to-end tests share: the real processes, and a real browser to look at them with."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.integration.browser.server import browser_path
from tests.support.site import Site, running


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The whole of Bus, running."""
    # Before anything is started: a machine without a browser is told so at once.
    browser_path()
    with (
        tempfile.TemporaryDirectory(prefix="bus-", ignore_cleanup_errors=True) as path,
        running(Path(path)) as found,
    ):
        yield found


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    """A Chromium."""
    # Real processes on a machine that does other things besides.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        yield found
        found.close()
