"""Plain chat: the clients of the Channels tutorials, over a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio
import uvicorn
from pytest_django.fixtures import Settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from bus.consumers.web_process import current
from bus.messaging import publisher, sender
from bus.messaging.event_batch import EventBatch
from bus.models import Message, Room, Sanction
from bus.protocol.channel_messages import AnnouncementRequested
from tests.support.wait import PATIENCE, until_async
from tests.support.web_server import address, close_code, session, working

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


@pytest_asyncio.fixture
async def worker(broker: str) -> AsyncIterator[None]:
    async with working("moderation", "broadcast"):
        yield


async def receive(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))


async def say(socket: ClientConnection, body: Any, **more: Any) -> None:
    await socket.send(json.dumps({"message": body, **more}))


def chat(server: uvicorn.Server, room: str, **options: Any) -> connect:
    return connect(address(server, f"/ws/chat/{quote(room)}/"), **options)


async def entered(*sockets: ClientConnection) -> None:
    """Wait until these hear the room; a wrong frame is answered after that."""
    for socket in sockets:
        await socket.send("{}")
        assert (await receive(socket))["code"] == "invalid"


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("room", ["lobby", "자유방", "комната_1", "x" * 64])
async def test_a_message_reaches_everyone_in_the_room(server: uvicorn.Server, room: str) -> None:
    async with chat(server, room) as one, chat(server, room) as two, chat(server, "other") as far:
        await entered(one, two, far)
        await say(one, "hi")
        await say(two, "안녕", type="chat.message")
        for socket in (one, two):
            first, second = await receive(socket), await receive(socket)
            assert {first["message"], second["message"]} == {"hi", "안녕"}
            assert [first["seq"], second["seq"]] == [1, 2]
            assert first["type"] == "chat.message"
            assert first["room"] == room
            assert first["author"].startswith("guest-")
            assert set(first) == {"type", "message", "room", "author", "id", "seq"}
        await say(far, "alone")
        assert (await receive(far))["message"] == "alone"


@pytest.mark.usefixtures("worker")
async def test_a_refusal_is_shown_where_the_message_was_sent(server: uvicorn.Server) -> None:
    async with chat(server, "lobby") as one:
        cookie = one.response.headers["set-cookie"].split(";")[0]
        headers = {"Cookie": cookie}
        async with chat(server, "lobby", additional_headers=headers) as tab:
            await entered(one, tab)
            # Both listen to the same author from now on.
            await say(one, "first")
            await say(tab, "second")
            for socket in (one, tab):
                await receive(socket)
                await receive(socket)
            await say(one, "you are a fucking cunt, kill yourself")
            error = await receive(one)
            assert error["type"] == "error"
            assert error["code"] in ("rejected", "held")
            assert error["message"]
            await say(one, "third")
            assert (await receive(tab))["message"] == "third"


@pytest.mark.usefixtures("worker")
async def test_nobody_is_shown_what_became_of_the_message_of_another(
    server: uvicorn.Server,
) -> None:
    async with chat(server, "lobby") as victim, session(server) as other:
        await entered(victim)
        await other.do("room.join", room="lobby")
        await say(victim, "hello")
        assert (await receive(victim))["message"] == "hello"
        # What everybody in the room can read.
        copied = (await other.event("message.posted"))["data"]["client_id"]
        for number, client_id in enumerate((copied, copied.replace("-1", "-99"))):
            await other.say("lobby", "you are a fucking cunt, kill yourself", client_id)
            settled = await other.event("message.settled")
            assert settled["data"]["status"] in ("rejected", "held"), number
        await say(victim, "still here")
        assert (await receive(victim))["message"] == "still here"


@pytest.mark.usefixtures("worker")
async def test_an_announcement_is_a_message_without_a_seq(server: uvicorn.Server) -> None:
    async with chat(server, "lobby") as one:
        await entered(one)
        await sender.send(AnnouncementRequested(rooms=["lobby"], body="tea", source="kitchen"))
        frame = await receive(one)
        assert (frame["message"], frame["author"], frame["seq"]) == ("tea", "kitchen", None)


@pytest.mark.parametrize(
    "frame",
    [
        "no json",
        "7",
        "[]",
        "[1]",
        "{}",
        '{"message": 7}',
        '{"message": ""}',
        '{"message": "\\u0000"}',
        '{"type": "chat_message", "message": "hi"}',
        '[{"message": "a"}, {"message": "b"}]',
        b"{}",
    ],
)
async def test_a_wrong_frame_is_answered_and_the_socket_stays(
    server: uvicorn.Server, frame: str | bytes
) -> None:
    async with chat(server, "lobby") as one:
        await one.send(frame)
        assert (await receive(one))["code"] == "invalid"
        await say(one, "x" * 2001)
        assert (await receive(one))["code"] == "too_long"
        await one.send("x" * 70_000)
        assert await close_code(one) == 4400
    assert not await Message.objects.aexists()


async def test_a_room_that_one_may_not_enter_says_why(
    server: uvicorn.Server, settings: Settings
) -> None:
    settings.BUS_OPEN_ROOMS = False
    await Room.objects.acreate(name="club", access="private")
    for room, code in [("nowhere", "not_found"), ("club", "not_found")]:
        async with chat(server, room) as one:
            error = await receive(one)
            assert (error["type"], error["code"]) == ("error", code)
            assert await close_code(one) == 4403


async def test_a_mute_is_told_to_the_sender(server: uvicorn.Server) -> None:
    lobby = await Room.objects.acreate(name="lobby", access="open")
    async with chat(server, "lobby") as one:
        cookie = one.response.headers["set-cookie"].split(";")[0]
    key = (await _keys(lobby, server, cookie)).pop()
    await Sanction.objects.acreate(room=lobby, author_key=key, kind="mute")
    async with chat(server, "lobby", additional_headers={"Cookie": cookie}) as one:
        await say(one, "hi")
        assert (await receive(one))["code"] == "muted"


async def _keys(room: Room, server: uvicorn.Server, cookie: str) -> list[str]:
    """Whom presence shows while a guest of this cookie is in the room, who counts there, too."""
    async with chat(server, room.name, additional_headers={"Cookie": cookie}) as one:
        await entered(one)
        # Nobody waits for the broker to know of a plain socket.
        while not (members := (await current().hub.presence.look(room.pk)).members):
            await entered(one)
        return [str(author.id) for author in members]


@pytest.mark.parametrize("path", ["/ws/chat/a%20b/", "/ws/chat/%FF/", "/ws/chat/", "/ws/x/", "/"])
async def test_a_path_that_leads_nowhere_is_refused(
    server: uvicorn.Server, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        async with connect(address(server, path)):
            pass
    assert refusal.value.response.status_code == 403
    assert "Traceback" not in caplog.text


async def test_a_foreign_page_is_refused(server: uvicorn.Server) -> None:
    own = address(server, "").replace("ws:", "http:")
    async with chat(server, "lobby", origin=own):
        pass
    with pytest.raises(InvalidStatus):
        async with chat(server, "lobby", origin="https://evil.example"):
            pass


async def test_nothing_is_heard_twice_or_again(server: uvicorn.Server) -> None:
    lobby = await Room.objects.acreate(name="lobby", access="open", head=4)
    async with chat(server, "lobby") as one:
        await entered(one)

        def told(*seqs: int) -> dict[int, EventBatch]:
            frames = [(seq, json.dumps({"seq": seq}).encode()) for seq in seqs]
            return {lobby.pk: EventBatch(events=[*frames], plain_chat=[*frames])}

        for seqs in [(3, 4, 5), (5, 6), (9,), (7,), (7, 10)]:
            await publisher.publish(told(*seqs))
        seen = [(await receive(one))["seq"] for _ in range(5)]
        # Nobody has an 8.
        assert seen == [5, 6, 7, 9, 10]
        assert current().hub.counts.gaps == 1


async def test_who_is_gone_leaves_nothing_behind(server: uvicorn.Server) -> None:
    async with chat(server, "lobby") as one:
        await say(one, "hi")
        await until_async(lambda: len(current().hub._topics) == 1)
        one.transport.abort()
    await until_async(lambda: not current().hub._topics and not current().hub.presence._rooms)
