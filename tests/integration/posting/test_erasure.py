"""What was removed or changed is in no file and no copy any more, once workers have been there."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings

from bus.broker import BusChannelLayer
from bus.broker.operations.dead_letters import DeadLetters
from bus.broker.operations.handled_log import HandledLog
from bus.chat.visitors import Visitor
from bus.embedded import valkey
from bus.messaging import background, operations, sender
from bus.models import Erasure, Message, Room
from bus.posting import edit, removal
from bus.protocol.channel_messages import MessageSubmitted
from bus.protocol.objects import Author
from bus.workers.erasure import erase_forever
from tests.support.broker_servers import Server, Servers
from tests.support.broker_servers import servers as servers
from tests.support.wait import until_async
from tests.support.web_server import working

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

SECRET = "the-secret-of-the-red-giraffe"
# Longer than a page of SQLite.
LONG = " ".join(f"{SECRET} {number}" for number in range(40))
AUTHOR = Author(id="gabc", name="guest")
VISITOR = Visitor(key="gabc", id="gabc", name="guest")


@pytest.fixture
def server(servers: Servers, tmp_path: Path) -> Server:
    """A server as the embedded broker is."""
    directory, socket = tmp_path / "embedded", tmp_path / "v.sock"
    directory.mkdir()
    config = directory / "valkey.conf"
    config.write_text(valkey.configuration(directory, socket))
    return servers("valkey", str(config), url=f"unix://{socket}", name="embedded")


@pytest_asyncio.fixture
async def layer(server: Server) -> AsyncIterator[BusChannelLayer]:
    channel_layers.backends.clear()
    found = channel_layers.backends["default"] = BusChannelLayer(hosts=[server.url])
    with override_settings(BUS_RETENTION=["3600"], BUS_REWRITE_INTERVAL=0.05):
        yield found
    await found.close()
    background.tasks.stop()
    channel_layers.backends.clear()


async def written(place: Room, body: str, client_id: str) -> Message:
    """A message that went all the way."""
    message = MessageSubmitted(room=place.name, author=AUTHOR, body=body, client_id=client_id)
    await sender.send(message, ordering_key=place.name)
    async with asyncio.timeout(10):
        row = None
        while row is None:
            row = await Message.objects.filter(client_id=client_id).afirst()
    return row


def held_by(directory: Path) -> list[str]:
    """The files under a directory that have the text."""
    found = []
    for path in directory.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and SECRET.encode() in path.read_bytes():
                found.append(path.name)
    return found


def database_files() -> list[str]:
    if connection.vendor != "sqlite":
        return []
    name = Path(str(connection.settings_dict["NAME"]))
    files = (name, name.with_name(f"{name.name}-wal"))
    return [path.name for path in files if path.exists() and SECRET.encode() in path.read_bytes()]


async def nothing_due() -> bool:
    return not await Erasure.objects.aexists()


async def erased() -> None:
    """Have a worker's companion do its work."""
    task = asyncio.ensure_future(erase_forever())
    try:
        await until_async(nothing_due, "no erasure is left")
    finally:
        task.cancel()
        await asyncio.wait([task])


async def gone_from(directory: Path) -> None:
    """Wait until no file of a directory has it: the broker writes in a process of its own."""

    async def gone() -> bool:
        return not await asyncio.to_thread(held_by, directory)

    await until_async(gone, "no file has it")


def removed(row: Message) -> None:
    edit.remove(row.room_id, str(row.pk), VISITOR, "")


def edited(row: Message) -> None:
    edit.edit(row.room_id, str(row.pk), VISITOR, "good morning")


def purged(row: Message) -> None:
    mod = User.objects.create_user("mod")
    removal.purge(
        row.room_id,
        "gabc",
        since=row.created_at - dt.timedelta(hours=1),
        by=mod,
    )
    # What is kept for moderators is in the database, on purpose.
    Message.objects.filter(pk=row.pk).update(verdict=None)


@pytest.mark.parametrize("body", [SECRET, LONG])
@pytest.mark.parametrize("act", [removed, edited, purged])
async def test_it_is_in_no_file_and_in_no_copy(
    layer: BusChannelLayer, server: Server, act: Any, body: str
) -> None:
    place = await Room.objects.acreate(name="lobby", access="open", moderation="off")
    async with working("moderation"):
        await written(place, "hello", "n0")
        row = await written(place, body, "n1")
        await written(place, "and on", "n2")
    history = HandledLog(layer, "moderation")
    assert len((await history.stretch(0, 10**14)).positions) == 3
    assert held_by(server.directory)
    await sync_to_async(act)(row)
    await erased()
    # A purge takes all that its author wrote.
    left = 0 if act is purged else 2
    assert len((await history.stretch(0, 10**14)).positions) == left
    await gone_from(server.directory)
    assert await sync_to_async(database_files)() == []


async def test_dead_letters_of_it_go_and_others_stay(layer: BusChannelLayer) -> None:
    place = await Room.objects.acreate(name="lobby", access="open")
    async with working("moderation"):
        row = await written(place, SECRET, "n1")
    stream = layer.stream("moderation")
    for client_id, room in (("n1", "lobby"), ("n1", "other"), ("n2", "lobby")):
        message = MessageSubmitted(room=room, author=AUTHOR, body=SECRET, client_id=client_id)
        await sender.send(message, ordering_key="k")
        (delivery,) = (await stream.claim("w", 1)).deliveries
        await stream.dead_letter(delivery, "no")
    await sync_to_async(removed)(row)
    await erased()
    left = [letter.message async for letter in DeadLetters(layer, "moderation").each()]
    assert [(m["client_id"], m["room"]) for m in left if m] == [("n1", "other"), ("n2", "lobby")]


async def test_many_removals_write_the_brokers_file_anew_once(
    layer: BusChannelLayer, server: Server
) -> None:
    place = await Room.objects.acreate(name="lobby", access="open")
    async with working("moderation"):
        rows = [await written(place, f"{SECRET} {n}", f"n{n}") for n in range(4)]
    for row in rows[:3]:
        await sync_to_async(removed)(row)
    await erased()
    with override_settings(BUS_REWRITE_INTERVAL=3600):
        with server.client() as client:
            client.delete("bus:rewritten")
        task = asyncio.ensure_future(erase_forever())
        await sync_to_async(removed)(rows[3])
        await until_async(nothing_due, "no erasure is left")
        with server.client() as client:
            assert 3500 < client.ttl("bus:rewritten") <= 3600
            before = client.info("persistence")["aof_rewrites"]
        assert not await operations.rewrite_files(3600)
        with server.client() as client:
            assert client.info("persistence")["aof_rewrites"] == before
        task.cancel()
        await asyncio.wait([task])


async def test_where_it_is_not_allowed_the_brokers_file_is_left_alone(
    layer: BusChannelLayer, server: Server
) -> None:
    place = await Room.objects.acreate(name="lobby", access="open")
    async with working("moderation"):
        row = await written(place, SECRET, "n1")
    with override_settings(BUS_REWRITE_INTERVAL=0.0):
        await sync_to_async(removed)(row)
        await erased()
    with server.client() as client:
        assert client.info("persistence")["aof_rewrites"] == 0
