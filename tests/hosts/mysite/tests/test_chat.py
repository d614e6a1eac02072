"""A moderated room in the host: guests and the host's own people."""

import asyncio

import pytest
from host import Person

from bus.client import Rejected, connect

PATIENCE = 20
SOCKETS = ["/live/ws/", "/ko/live/ws/"]


async def joined(bus, room="lobby"):
    """A room that was joined, and its messages from here on."""
    room = bus.room(room)
    messages = room.messages()
    await room.join()
    return room, messages


async def heard(messages, body):
    """The next message of this text."""
    async with asyncio.timeout(PATIENCE):
        async for message in messages:
            if message.body == body:
                return message


@pytest.mark.parametrize("path", SOCKETS)
def test_what_a_guest_writes_is_moderated_and_goes_round(site, path):
    async def talk():
        async with connect(site.websocket(path)) as one, connect(site.websocket(path)) as two:
            mine, _ = await joined(one)
            _, messages = await joined(two)
            sent = mine.send(f"hello from {path}")
            assert (await sent.settled).status == "posted"
            message = await heard(messages, f"hello from {path}")
            assert message.author.id == one.session["user"]["id"]
            with pytest.raises(Rejected) as refused:
                await mine.send("you fucking cunt, kill yourself").settled
            assert refused.value.code == "harassment"
            await mine.send("goodbye").settled
            assert (await heard(messages, "goodbye")).seq == message.seq + 1

    asyncio.run(talk())


def test_a_person_of_the_host_chats_by_a_uuid_and_is_shown_by_a_nickname(site, signed_in):
    mina = signed_in("mina@example.org")

    async def talk():
        async with (
            connect(site.websocket("/live/ws/"), additional_headers=mina.headers) as one,
            connect(site.websocket("/live/ws/")) as two,
        ):
            assert one.session["user"]["id"] == site.mina
            mine, _ = await joined(one)
            _, messages = await joined(two)
            await mine.send("it is me").settled
            message = await heard(messages, "it is me")
            assert (message.author.id, message.author.name) == (site.mina, "Mina")

    asyncio.run(talk())
    _, page = Person(site).get("/live/chat/lobby/")
    assert "Mina" in page
    assert "mina@example.org" not in page


def test_who_is_no_longer_active_is_a_guest_at_most(site, signed_in):
    boss = signed_in("boss@example.org")
    people = "from people.models import Person; Person.objects.filter(email='boss@example.org')"
    site.shell(f"{people}.update(is_active=False)")

    async def ask():
        async with connect(site.websocket("/live/ws/"), additional_headers=boss.headers) as bus:
            return bus.session["user"]

    try:
        assert asyncio.run(ask())["id"].startswith("g")
    finally:
        site.shell(f"{people}.update(is_active=True)")
