"""Real browsers against the real processes, over a network that is cut and mended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.integration.browser.server import bodies, write
from tests.support.proxy import Remote, proxied_from_a_thread
from tests.support.site import Client, Site
from tests.support.wait import until


@pytest.fixture
def network(site: Site) -> Iterator[Remote]:
    with proxied_from_a_thread(site.port) as network:
        yield network


@pytest.fixture
def mina(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(30_000)
    yield context
    context.close()


def visit(person: BrowserContext, network: Remote, room: str) -> Page:
    """Open a room through a network, and wait until its page is connected."""
    page = person.new_page()
    page.goto(f"http://127.0.0.1:{network.port}/chat/{room}/")
    expect(page.locator(".online")).to_be_visible()
    return page


def posted(sora: Client, room: str, body: str) -> None:
    """Write in the room, and wait until it is there."""
    sora.ask("message.send", room=room, body=body, client_id=body)
    until(lambda: body in history(sora, room), f"{body!r} is posted")


def history(sora: Client, room: str) -> list[str]:
    """What the room has, as the server tells it."""
    page = sora.ask("history.list", room=room, limit=100)["data"]
    return [message["body"] for message in page["messages"]]


def settled(page: Page) -> None:
    """Wait until nothing is on its way any more."""
    unsettled = page.locator(".row[data-status]:not([data-status=posted])")
    expect(unsettled).to_have_count(0)


@pytest.mark.parametrize("way", ["cut", "stall"])
def test_both_sides_have_everything_once_after_a_cut(
    site: Site, mina: BrowserContext, network: Remote, way: str
) -> None:
    room = f"lost_{way}"
    sora = Client(site)
    page = visit(mina, network, room)
    sora.ask("room.join", room=room)
    posted(sora, room, "before")
    expect(page.locator(".row")).to_have_count(1)
    getattr(network, way)()
    write(page, "from the dark")
    posted(sora, room, "meanwhile")
    expect(page.locator("bus-connection .bar")).to_be_visible()
    expect(page.locator("[data-status=queued]")).to_have_count(1)
    network.drop()
    network.mend()
    expect(page.locator("bus-connection .bar")).to_have_count(0)
    settled(page)
    expect(page.locator(".row")).to_have_count(3)
    assert bodies(page) == history(sora, room) == ["before", "meanwhile", "from the dark"]


def test_a_short_stall_is_nobodys_concern(
    site: Site, mina: BrowserContext, network: Remote
) -> None:
    sora = Client(site)
    page = visit(mina, network, "stalled")
    sora.ask("room.join", room="stalled")
    network.stall()
    write(page, "slow")
    posted(sora, "stalled", "meanwhile")
    network.mend()
    settled(page)
    expect(page.locator(".row")).to_have_count(2)
    assert bodies(page) == history(sora, "stalled")


def test_a_network_that_is_cut_again_and_again_for_two_seconds(
    site: Site, mina: BrowserContext, network: Remote
) -> None:
    sora = Client(site)
    page = visit(mina, network, "drops")
    sora.ask("room.join", room="drops")
    for step in range(60):
        sora.ask("message.send", room="drops", body=f"sora {step}", client_id=str(step))
        if step % 5 == 0:
            write(page, f"mina {step}")
        match step % 20:
            case 2:
                network.cut()
            case 12:
                network.stall()
            case 10 | 19:
                network.drop()
                network.mend()
        page.wait_for_timeout(250)
    until(lambda: len(history(sora, "drops")) == 72, "all are posted")
    settled(page)
    expect(page.locator(".row")).to_have_count(72)
    assert bodies(page) == history(sora, "drops")
    for name in ("mina", "sora"):
        steps = [int(body.split()[1]) for body in bodies(page) if body.startswith(name)]
        assert steps == sorted(set(steps))


def test_what_was_written_without_a_network_survives_the_page(
    site: Site, mina: BrowserContext, network: Remote
) -> None:
    sora = Client(site)
    page = visit(mina, network, "closed")
    sora.ask("room.join", room="closed")
    network.cut()
    for text in ("one", "two"):
        write(page, text)
    expect(page.locator("[data-status=queued]")).to_have_count(2)
    page.close()
    network.mend()
    page = visit(mina, network, "closed")
    settled(page)
    until(lambda: len(history(sora, "closed")) == 2, "both are posted")
    expect(page.locator(".row")).to_have_count(2)
    assert bodies(page) == history(sora, "closed") == ["one", "two"]
    page.reload()
    expect(page.locator(".online")).to_be_visible()
    assert bodies(page) == ["one", "two"]
