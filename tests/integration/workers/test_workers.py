"""Our own workers, moderation and broadcast, from the named channel to the groups."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from channels.routing import ChannelNameRouter
from channels.worker import Worker as StockWorker
from django.contrib.auth.models import User

from bus.broker.worker.worker import Worker
from bus.messaging import default_layer, publisher
from bus.messaging.inbox import Inbox
from bus.models import Message, Room
from bus.protocol import channel_names
from bus.protocol.errors import Unavailable
from bus.workers.broadcast import BroadcastWorker
from bus.workers.moderation import ModerationWorker
from tests.support.wait import until_async as until

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]

ROUTER = ChannelNameRouter(
    {
        channel_names.MODERATION: ModerationWorker.as_asgi(),
        channel_names.BROADCAST: BroadcastWorker.as_asgi(),
    }
)
GUEST = {"id": "gabc", "name": "guest-abc"}


@pytest.fixture
def lobby(transactional_db: None) -> Room:
    return Room.objects.create(name="lobby", access="open")


@asynccontextmanager
async def working() -> AsyncIterator[None]:
    worker = Worker(
        ROUTER, [channel_names.MODERATION, channel_names.BROADCAST], default_layer.get()
    )
    running = asyncio.ensure_future(worker.main())
    try:
        yield
    finally:
        worker.stop()
        await asyncio.wait_for(running, 20)


class Listener:
    """What a web process would hear."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.plain: list[dict[str, Any]] = []
        self.own: list[tuple[str, dict[str, Any]]] = []

    @classmethod
    @asynccontextmanager
    async def on(cls, *groups: str) -> AsyncIterator["Listener"]:
        listener = cls()
        inbox = await Inbox.open(lambda: None)
        for group in groups:
            await inbox.listen(group)
        task = asyncio.ensure_future(listener._run(inbox))
        yield listener
        task.cancel()
        await asyncio.wait([task])

    async def _run(self, inbox: Inbox) -> None:
        while True:
            message = await inbox.receive()
            if message["type"] == "authors.events":
                told = itertools.chain.from_iterable(message["authors"].values())
                self.events += map(json.loads, told)
                continue
            self.events += [json.loads(frame) for _, frame in message["events"]]
            self.plain += [json.loads(frame) for _, frame in message["plain"]]
            self.own += [(client_id, json.loads(frame)) for client_id, frame in message["own"]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


async def submit(
    body: str, client_id: str = "c1", room: str = "lobby", author: Any = GUEST, **more: Any
) -> None:
    message = {
        "type": "message.submitted",
        "room": room,
        "author": author,
        "body": body,
        "client_id": client_id,
    }
    await default_layer.get().send(channel_names.MODERATION, {**message, **more})


def dead(channel: str, broker: str) -> list[str]:
    with redis.Redis.from_url(broker) as client:
        return [fields[b"error"].decode() for _, fields in client.xrange(f"{{bus:{channel}}}:dead")]


async def test_a_message_reaches_its_room_and_its_author(lobby: Room) -> None:
    async with (
        Listener.on(
            channel_names.room_group(lobby.pk), channel_names.author_group("gabc")
        ) as heard,
        working(),
    ):
        await submit("hello")
        await until(lambda: len(heard.events) == 2)
    (posted,) = heard.of("message.posted")
    (settled,) = heard.of("message.settled")
    assert (posted["room"], posted["seq"], posted["data"]["body"]) == ("lobby", 1, "hello")
    assert posted["data"]["author"] == GUEST
    assert settled["data"] == {
        "client_id": "c1",
        "status": "posted",
        "id": posted["data"]["id"],
        "seq": 1,
        "reason": None,
    }
    assert heard.plain == [
        {
            "type": "chat.message",
            "message": "hello",
            "room": "lobby",
            "author": "guest-abc",
            "id": posted["data"]["id"],
            "seq": 1,
        }
    ]


async def test_a_bad_word_is_told_to_its_author_alone(lobby: Room) -> None:
    async with (
        Listener.on(channel_names.room_group(lobby.pk)) as room,
        Listener.on(channel_names.author_group("gabc")) as author,
        working(),
    ):
        await submit("you piece of shit")
        await submit("a kind word", "c2")
        await until(lambda: len(room.events) == 1 and len(author.events) == 2)
    assert [event["data"]["body"] for event in room.events] == ["a kind word"]
    rejected, posted = (event["data"] for event in author.events)
    assert (rejected["status"], rejected["reason"]["code"]) == ("rejected", "blocked_word")
    assert posted["status"] == "posted"
    ((mark, error),) = room.own
    assert mark == channel_names.sender_mark("gabc", "c1")
    assert (error["type"], error["code"]) == ("error", "rejected")
    assert "shit" not in json.dumps([author.events, room.events, room.plain, room.own])


async def test_a_repeat_is_told_to_its_author_and_not_to_the_room(lobby: Room) -> None:
    async with (
        Listener.on(
            channel_names.room_group(lobby.pk), channel_names.author_group("gabc")
        ) as heard,
        working(),
    ):
        await submit("hello")
        await until(lambda: len(heard.of("message.settled")) == 1)
        await submit("hello")
        await until(lambda: len(heard.of("message.settled")) == 2)
    assert len(heard.of("message.posted")) == 1
    first, second = heard.of("message.settled")
    assert first == second


async def test_a_worker_that_could_not_tell_tells_later(
    lobby: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, calls = publisher.publish, []

    async def flaky(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 1:
            raise Unavailable
        await publish(*args)

    monkeypatch.setattr(publisher, "publish", flaky)
    async with Listener.on(channel_names.room_group(lobby.pk)) as heard, working():
        await submit("hello")
        await until(lambda: len(heard.of("message.posted")) == 1)
    assert await sync_to_async(Message.objects.count)() == 1


async def test_saying_the_same_again_and_again_is_spam(lobby: Room) -> None:
    async with Listener.on(channel_names.author_group("gabc")) as heard, working():
        for number in range(6):
            await submit("buy my new mixtape", f"c{number}")
        await until(lambda: len(heard.events) == 6)
    outcomes = [event["data"]["status"] for event in heard.events]
    assert outcomes[0] == "posted"
    assert outcomes[-1] == "rejected"
    assert heard.events[-1]["data"]["reason"]["code"] == "spam"


async def test_a_service_writes_under_any_name(lobby: Room, broker: str) -> None:
    async with Listener.on(channel_names.room_group(lobby.pk)) as heard, working():
        await submit("build 7 is out", author="deploy bot ✔")
        await until(lambda: len(heard.events) == 1)
    assert heard.events[0]["data"]["author"] == {"id": None, "name": "deploy bot ✔"}
    assert dead(channel_names.MODERATION, broker) == []


async def test_what_is_too_large_for_one_group_message_is_told_in_several(
    lobby: Room, settings: Any
) -> None:
    settings.BUS_MESSAGE_SIZE_LIMIT = 4000
    for number in range(20):
        await submit(f"message {number} {'with many words ' * 20}", f"c{number}")
    async with Listener.on(channel_names.room_group(lobby.pk)) as heard, working():
        await until(lambda: len(heard.events) == len(heard.plain) == 20)
    for told in (heard.events, heard.plain):
        assert [event["seq"] for event in told] == list(range(1, 21))


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"type": "message.submitted", "room": "lobby"}, "Undeliverable: author: Field required"),
        (
            {"type": "message.unheard"},
            "Undeliverable: The channel 'moderation' takes dry_run.continued, message.submitted",
        ),
        (
            {
                "type": "message.submitted",
                "room": "a b",
                "author": 1,
                "body": "x",
                "client_id": "1",
            },
            "Undeliverable: room: ",
        ),
        (
            {
                "type": "message.submitted",
                "room": "nowhere",
                "author": GUEST,
                "body": "x",
                "client_id": "1",
            },
            "Undeliverable: there is no room nowhere",
        ),
        (
            {
                "type": "message.submitted",
                "room": "lobby",
                "author": GUEST,
                "body": "a\x00b",
                "client_id": "1",
            },
            "Undeliverable: body: control characters",
        ),
    ],
)
async def test_what_no_schema_takes_is_a_dead_letter_and_the_rest_goes_on(
    lobby: Room, broker: str, message: dict[str, Any], error: str
) -> None:
    async with Listener.on(channel_names.room_group(lobby.pk)) as heard, working():
        await default_layer.get().send(channel_names.MODERATION, message)
        await submit("hello", "other")
        await until(
            lambda: len(heard.events) == 1 and len(dead(channel_names.MODERATION, broker)) == 1
        )
    assert dead(channel_names.MODERATION, broker)[0].startswith(error)


async def test_the_author_of_a_message_to_nowhere_is_told(lobby: Room) -> None:
    async with Listener.on(channel_names.author_group("gabc")) as heard, working():
        await submit("hello", room="nowhere")
        await until(lambda: len(heard.events) == 1)
    data = heard.events[0]["data"]
    assert (data["status"], data["reason"]["code"]) == ("rejected", "not_found")


async def test_a_body_over_the_limit_is_rejected_with_its_reason(lobby: Room) -> None:
    async with Listener.on(channel_names.author_group("gabc")) as heard, working():
        await submit("long " * 500)
        await until(lambda: len(heard.events) == 1)
    data = heard.events[0]["data"]
    assert (data["status"], data["reason"]["code"]) == ("rejected", "too_long")


async def test_users_write_under_their_own_name(lobby: Room) -> None:
    user = await sync_to_async(User.objects.create_user)("mina")
    async with Listener.on(channel_names.room_group(lobby.pk)) as heard, working():
        await submit("hello", author=user.pk)
        await until(lambda: len(heard.events) == 1)
    assert heard.events[0]["data"]["author"] == {"id": user.pk, "name": "mina"}


async def test_one_message_that_breaks_the_batch_fails_alone(
    lobby: Room, broker: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    from bus.workers import moderation

    judge_many = moderation.judge_many

    def broken(cases: Any) -> Any:
        if any("poison" in case.text for case in cases):
            raise RuntimeError("the judge is ill")
        return judge_many(cases)

    settings.BUS_RETRY_BASE, settings.BUS_MAX_ATTEMPTS = 0.02, 2
    monkeypatch.setattr(moderation, "judge_many", broken)
    for number, body in enumerate(["one", "poison", "three"]):
        await submit(body, f"c{number}")
    async with Listener.on(channel_names.room_group(lobby.pk)) as heard, working():
        await until(
            lambda: len(heard.events) == 2 and len(dead(channel_names.MODERATION, broker)) == 1
        )
    assert [event["data"]["body"] for event in heard.events] == ["one", "three"]
    assert dead(channel_names.MODERATION, broker) == ["RuntimeError: the judge is ill"]


async def test_the_moderation_worker_runs_under_the_stock_worker(lobby: Room) -> None:
    stock = StockWorker(ROUTER, [channel_names.MODERATION], default_layer.get())
    async with Listener.on(channel_names.room_group(lobby.pk)) as heard:
        running = asyncio.ensure_future(stock.handle())
        await submit("hello")
        await until(lambda: len(heard.events) == 1)
        running.cancel()
        await asyncio.wait([running])


async def test_announcements_reach_named_rooms_or_all(lobby: Room) -> None:
    other = await sync_to_async(Room.objects.create)(name="other")
    async with (
        Listener.on(channel_names.room_group(lobby.pk)) as first,
        Listener.on(channel_names.room_group(other.pk)) as second,
        working(),
    ):
        announce = {"type": "announcement.requested", "body": "Maintenance at noon"}
        await default_layer.get().send(
            channel_names.BROADCAST, {**announce, "rooms": ["lobby", "nowhere"]}
        )
        await default_layer.get().send(channel_names.BROADCAST, {**announce, "rooms": "all"})
        await until(lambda: len(first.events) == 2 and len(second.events) == 1)
    event = second.events[0]
    assert (event["type"], event["room"]) == ("event.published", "other")
    assert event["data"]["name"] == "announcement"
    assert event["data"]["payload"] == {"body": "Maintenance at noon"}
    assert second.plain[0]["message"] == "Maintenance at noon"


async def test_events_and_notifications(lobby: Room) -> None:
    async with (
        Listener.on(channel_names.room_group(lobby.pk)) as room,
        Listener.on(channel_names.author_group("u7")) as user,
        working(),
    ):
        event = {"name": "build.finished", "payload": {"ok": True}, "source": "ci"}
        await default_layer.get().send(
            channel_names.BROADCAST, {"type": "event.requested", "rooms": ["lobby"], **event}
        )
        await default_layer.get().send(
            channel_names.BROADCAST, {"type": "notification.requested", "users": [7], **event}
        )
        await until(lambda: len(room.events) == 1 and len(user.events) == 1)
    for heard in (room, user):
        assert heard.events[0]["type"] == "event.published"
        assert {k: v for k, v in heard.events[0]["data"].items() if k != "id"} == event
        assert heard.plain == []
