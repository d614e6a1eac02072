"""The broker in a bare Django project: no chat, no tables, no database."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.wait import until

ROOT = Path(__file__).parents[3]
# What a project writes that wants the broker alone.
SETTINGS = """
import os
SECRET_KEY = "x"
INSTALLED_APPS = ["bus.broker", "channels"]
ASGI_APPLICATION = "shop.application"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "bus.broker.BusChannelLayer",
        "CONFIG": {"hosts": [os.environ["BROKER"]], "prefix": "shop"},
    }
}
BUS_RETRY_BASE = 0.02
BUS_RETRY_CAP = 0.05
"""
SHOP = """
import json, os, sys
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter
from bus.broker.errors import BrokerUnavailable

def note(line):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps(line) + "\\n")

class Orders(AsyncConsumer):
    failed = set()
    async def order_placed(self, message):
        if message["n"] == 3 and message["shop"] not in self.failed:
            self.failed.add(message["shop"])
            # A server that is away is waited for, in order; there is no database to be asked.
            raise BrokerUnavailable("the stock's broker does not answer")
        note([message["shop"], message["n"]])

class Reports(SyncConsumer):
    def modules_wanted(self, message):
        note(sorted(name for name in sys.modules if name.startswith("bus")))

application = ProtocolTypeRouter({
    "channel": ChannelNameRouter({"orders": Orders.as_asgi(), "reports": Reports.as_asgi()}),
})
"""
SEND = """
import asyncio, django, json, sys
django.setup()
from channels.layers import get_channel_layer

async def main():
    layer = get_channel_layer()
    for n in range(20):
        for shop in ("seoul", "busan"):
            message = {"type": "order.placed", "shop": shop, "n": n}
            await layer.send("orders", message, ordering_key=shop)
    await layer.send("reports", {"type": "modules.wanted"})
    await layer.close()

asyncio.run(main())
print(json.dumps(sorted(name for name in sys.modules if name.startswith("bus"))))
"""
CHAT = ("bus.models", "bus.moderation", "bus.protocol", "bus.messaging", "bus.servers", "bus.apps")


class Shop:
    """The project, in a directory of its own."""

    def __init__(self, directory: Path, broker: str) -> None:
        self.directory = directory
        self._notes = directory / "notes"
        for name, text in {"settings": SETTINGS, "shop": SHOP, "send": SEND}.items():
            (directory / f"{name}.py").write_text(text)
        own = {"BROKER": broker, "NOTES": str(self._notes), "DJANGO_SETTINGS_MODULE": "settings"}
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BUS_")},
            "PYTHONPATH": os.pathsep.join([str(directory), str(ROOT)]),
            **own,
        }

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    @contextmanager
    def worker(self, *channels: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "django", "runworker", *channels],
            cwd=self.directory,
            env=self._environment,
            **options,
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def notes(self) -> list[list[object]]:
        text = self._notes.read_text() if self._notes.exists() else ""
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def shop(tmp_path: Path, broker: str) -> Shop:
    return Shop(tmp_path, broker)


def test_a_project_without_chat_or_database_has_layer_and_worker(shop: Shop) -> None:
    with shop.worker("orders", "reports") as worker:
        sent = shop.run("send.py")
        assert sent.returncode == 0, sent.stderr
        until(lambda: len(shop.notes()) == 41, "all is handled", 30)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    notes = shop.notes()
    for name in ("seoul", "busan"):
        assert [n for one, *rest in notes if one == name for n in rest] == list(range(20))
    (worked,) = [note for note in notes if "bus.broker" in note]
    for modules in (worked, json.loads(sent.stdout)):
        assert "bus.broker.channel_layer" in modules
        assert not [name for name in modules if str(name).startswith(CHAT)]


def test_a_channel_that_nothing_handles_is_named(shop: Shop) -> None:
    refused = shop.run("-m", "django", "runworker", "mails")
    assert refused.returncode == 1
    assert "No consumer is routed for mails. There are: orders, reports." in refused.stderr


GOODS = """
from channels.consumer import SyncConsumer
from shop import note

class Goods(SyncConsumer):
    def goods_came(self, message):
        note(["goods", message["n"]])

channels = {"goods": Goods.as_asgi()}
"""
SEND_GOODS = """
import asyncio, django
django.setup()
from channels.layers import get_channel_layer

async def main():
    layer = get_channel_layer()
    await layer.send("goods", {"type": "goods.came", "n": 1})
    await layer.send("orders", {"type": "order.placed", "shop": "seoul", "n": 1})
    await layer.close()

asyncio.run(main())
"""


def install(shop: Shop, **apps: str) -> None:
    """Install apps, each with this `workers.py`."""
    for name, workers in apps.items():
        (shop.directory / name).mkdir()
        (shop.directory / name / "__init__.py").touch()
        (shop.directory / name / "workers.py").write_text(workers)
    with (shop.directory / "settings.py").open("a") as settings:
        settings.write(f"INSTALLED_APPS += {list(apps)}\n")


def test_workers_of_installed_apps_are_found_though_one_does_not_import(shop: Shop) -> None:
    install(shop, goods=GOODS, mails="import nothing_of_this_name", plain="")
    (shop.directory / "send_goods.py").write_text(SEND_GOODS)
    # All there are: those of the apps, and those that the application routes.
    with shop.worker(stderr=subprocess.PIPE) as worker:
        assert shop.run("send_goods.py").returncode == 0
        until(lambda: {str(note[0]) for note in shop.notes()} == {"goods", "seoul"}, "both", 30)
        worker.send_signal(signal.SIGTERM)
        _, told = worker.communicate(timeout=30)
    assert b"mails.workers does not import" in told
    assert b"ModuleNotFoundError: No module named 'nothing_of_this_name'" in told
    assert b"Traceback" in told


def test_a_channel_of_a_module_that_does_not_import_keeps_no_other_from_running(shop: Shop) -> None:
    install(shop, goods=GOODS, mails="import nothing_of_this_name")
    (shop.directory / "send_goods.py").write_text(SEND_GOODS)
    alone = shop.run("-m", "django", "runworker", "mails")
    assert alone.returncode == 1
    for said in ("No consumer is routed for mails. mails.workers does not import", "nothing_of_t"):
        assert said in alone.stderr.splitlines()[-1]
    with shop.worker("mails", "goods", stderr=subprocess.PIPE) as worker:
        assert shop.run("send_goods.py").returncode == 0
        until(lambda: shop.notes() == [["goods", 1]], "the other channel", 30)
        worker.send_signal(signal.SIGTERM)
        _, told = worker.communicate(timeout=30)
    assert b"No consumer is routed for mails." in told


def test_a_channel_that_two_apps_name_is_refused_naming_both(shop: Shop) -> None:
    install(shop, goods=GOODS, others=GOODS)
    refused = shop.run("-m", "django", "runworker")
    assert refused.returncode == 1
    assert "'goods' is named twice: by goods.workers and by others.workers" in refused.stderr


def test_an_application_that_does_not_import_says_why(shop: Shop) -> None:
    with (shop.directory / "shop.py").open("a") as module:
        module.write("raise ValueError('no stock')\n")
    refused = shop.run("-m", "django", "runworker", "orders")
    assert "Traceback" in refused.stderr
    assert (
        "CommandError: The ASGI application shop.application does not import: ValueError: no stock"
        in refused.stderr
    )


def test_the_checks_of_the_project_pass(shop: Shop) -> None:
    assert "no issues" in shop.run("-m", "django", "check").stdout
