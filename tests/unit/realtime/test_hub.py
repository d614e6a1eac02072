"""The hub: one subscription per group, each event once, nothing left behind."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from bus.database import threads
from bus.messaging.event_batch import EventBatch
from bus.posting import catch_up
from bus.protocol import channel_names
from bus.protocol.errors import Unavailable
from bus.realtime.hub import Hub
from bus.realtime.prepared_frames import PreparedFrames
from tests.support.wait import until_async

pytestmark = pytest.mark.asyncio


class Ear:
    """A listener."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.failed = False

    def push(self, prepared: PreparedFrames) -> None:
        self.heard += prepared.frames

    def fail(self) -> None:
        self.failed = True


class Broken(Ear):
    """A listener that cannot."""

    def push(self, prepared: PreparedFrames) -> None:
        raise RuntimeError("broken")


class Broker:
    """An inbox whose groups are a set, and which can be slow or away."""

    def __init__(self) -> None:
        self.groups: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.deliver: Callable[[Any], None] = lambda message: None
        self.open_door = asyncio.Event()
        self.open_door.set()
        self.away = False
        # What a repair finds of room 1; None is too much.
        self.stored: EventBatch | None = EventBatch()
        self.asked: list[tuple[Any, ...]] = []
        # What the database has told room 1; unknown as long as nothing was.
        self.stored_heads: dict[int, int] = {}
        self.hub = Hub(self.open)

    async def open(self, on_reconnected: Any) -> "Broker":
        self.calls["open"] += 1
        return self

    async def listen(self, group: str) -> None:
        await self._call("listen")
        self.groups.add(group)

    async def ignore(self, group: str) -> None:
        await self._call("ignore")
        self.groups.discard(group)

    def deliver_to(self, take: Callable[[Any], None]) -> None:
        self.deliver = take

    async def read(self, work: Callable[..., Any], *args: Any) -> Any:
        """What the database answers."""
        if work is catch_up.heads:
            self.calls["heads"] += 1
            return dict.fromkeys(args[0]) | self.stored_heads
        assert work is catch_up.events_since
        self.asked.append(args)
        await self.open_door.wait()
        if self.away:
            raise Unavailable
        return self.stored

    async def _call(self, name: str) -> None:
        self.calls[name] += 1
        await self.open_door.wait()
        if self.away:
            raise Unavailable

    async def tell(self, *seqs: int | None, room: int = 1, plain: bool = True) -> None:
        """Deliver one message with these events, and wait until the hub has it."""
        events = [[seq, b"e%d" % (seq or 0)] for seq in seqs]
        plains = [[seq, b"p%d" % (seq or 0)] for seq in seqs] if plain else []
        await self.put(
            {"type": "room.events", "room": room, "events": events, "plain": plains, "own": []}
        )

    async def put(self, message: Any) -> None:
        self.deliver(message)
        await settle()
        await until_async(lambda: not self.hub._unflushed)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    """A broker and a database, with a hub between them."""
    found = Broker()
    monkeypatch.setattr(threads, "run", found.read)
    return found


async def settle() -> None:
    """Let everything that can run, run."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_room_is_subscribed_once_and_let_go_with_the_last(broker: Broker) -> None:
    one, two = Ear(), Ear()
    subscriptions = await asyncio.gather(broker.hub.join_room(1, one), broker.hub.join_room(1, two))
    assert broker.calls == {"open": 1, "listen": 1, "heads": 1}
    for subscription in subscriptions:
        subscription.release(0)
    await broker.tell(1)
    broker.hub.leave_room(subscriptions[0])
    await broker.tell(2)
    broker.hub.leave_room(subscriptions[1])
    await settle()
    assert (one.heard, two.heard) == ([b"e1"], [b"e1", b"e2"])
    assert not broker.groups
    assert not broker.hub._topics


async def test_a_join_that_meets_the_last_leave_stays_subscribed(broker: Broker) -> None:
    one, two = Ear(), Ear()
    subscription = await broker.hub.join_room(1, one)
    broker.open_door.clear()
    broker.hub.leave_room(subscription)
    await settle()
    assert broker.calls["ignore"] == 1  # under way
    joining = asyncio.ensure_future(broker.hub.join_room(1, two))
    await settle()
    broker.open_door.set()
    (await joining).release(0)
    await settle()
    await broker.tell(1)
    assert two.heard == [b"e1"]
    assert broker.groups == {"room.1"}


async def test_a_join_that_is_cancelled_leaves_nothing(broker: Broker) -> None:
    broker.open_door.clear()
    joining = asyncio.ensure_future(broker.hub.join_room(1, Ear()))
    author = asyncio.ensure_future(broker.hub.join_author("u1", listener=Ear()))
    await settle()
    joining.cancel()
    author.cancel()
    broker.open_door.set()
    await settle()
    assert not broker.hub._topics


async def test_a_broker_that_is_away_is_told_and_tried_again(broker: Broker) -> None:
    one = Ear()
    broker.away = True
    with pytest.raises(Unavailable):
        await broker.hub.join_room(1, one)
    await settle()
    assert not broker.hub._topics
    broker.away = False
    (await broker.hub.join_room(1, one)).release(0)
    await broker.tell(1)
    assert one.heard == [b"e1"]


async def repairing(broker: Broker, since: int, *stored: int) -> tuple[Ear, Ear]:
    """A room with a session and a plain socket at a seq, while its repair is under way."""
    ear, plain = Ear(), Ear()
    broker.stored_heads = {1: since}
    (await broker.hub.join_room(1, ear)).release(since)
    (await broker.hub.join_room(1, plain, sender_mark="m")).release(since)
    events = [(seq, b"e%d" % seq) for seq in stored]
    broker.stored = EventBatch(events=events, plain_chat=[(seq, b"p%d" % seq) for seq in stored])
    broker.stored_heads = {1: max(stored, default=since + 1)}
    broker.open_door.clear()
    broker.hub.on_reconnected()
    await settle()
    return ear, plain


async def test_what_an_outage_swallowed_is_repaired_before_what_follows_it(broker: Broker) -> None:
    ear, plain = await repairing(broker, 4, 5, 6, 7)
    await broker.tell(7, 8)
    assert ear.heard == []
    broker.open_door.set()
    await until_async(lambda: ear.heard)
    assert ear.heard == [b"e5", b"e6", b"e7", b"e8"]
    assert plain.heard == [b"p5", b"p6", b"p7", b"p8"]
    assert (broker.asked, broker.hub.counts.gaps) == ([(1, 4)], 0)


async def test_a_repair_asks_for_what_follows_the_newest_event(broker: Broker) -> None:
    ear = Ear()
    (await broker.hub.join_room(1, ear)).release(0)
    await broker.tell(1, 2)
    broker.stored_heads = {1: 3}
    broker.hub.on_reconnected()
    await until_async(lambda: broker.asked)
    assert broker.asked == [(1, 2)]
    assert not ear.failed


async def test_where_too_much_was_missed_everybody_comes_back(broker: Broker) -> None:
    ear, plain = await repairing(broker, 4)
    broker.stored = None
    broker.open_door.set()
    await until_async(lambda: ear.failed and plain.failed)
    assert ear.heard == []


async def test_those_who_came_back_stay(broker: Broker) -> None:
    ear, _ = await repairing(broker, 4)
    broker.stored, broker.stored_heads = None, {1: 5000}
    broker.open_door.set()
    await until_async(lambda: ear.failed)
    back = Ear()
    # One comes back before the last has gone.
    (await broker.hub.join_room(1, back)).release(5000)
    broker.asked.clear()
    await broker.hub.repairs.check()
    await broker.tell(5001)
    assert (back.failed, back.heard, broker.asked) == (False, [b"e5001"], [])


async def test_what_waited_for_others_is_told_as_the_database_has_it_now(broker: Broker) -> None:
    ear, plain = Ear(), Ear()
    (await broker.hub.join_room(1, ear)).release(0)
    (await broker.hub.join_room(1, plain, sender_mark="m")).release(0)
    await broker.tell(1)
    # 2 is lost; 3 is removed at 4 while it waits.
    broker.stored = EventBatch(
        events=[(2, b"e2"), (3, b"gone"), (4, b"removed")], plain_chat=[(2, b"p2")]
    )
    await broker.tell(3)
    await until_async(lambda: len(ear.heard) == 4)
    assert ear.heard == [b"e1", b"e2", b"gone", b"removed"]
    assert plain.heard == [b"p1", b"p2"]


async def test_who_was_joining_in_an_outage_comes_back(broker: Broker) -> None:
    ear = Ear()
    await broker.hub.join_room(1, ear)
    broker.hub.on_reconnected()
    await until_async(lambda: ear.failed)


async def test_what_comes_while_joining_follows_the_release(broker: Broker) -> None:
    old, new = Ear(), Ear()
    (await broker.hub.join_room(1, old)).release(0)
    await broker.tell(5)
    subscription = await broker.hub.join_room(1, new)
    await broker.tell(6, None, 7)
    assert new.heard == []
    # History was read up to 8, of which 8 is still on its way.
    subscription.release(8)
    await broker.tell(8)
    await broker.tell(9)
    assert new.heard == [b"e0", b"e9"]
    assert old.heard == [b"e5", b"e6", b"e0", b"e7", b"e8", b"e9"]
    assert broker.hub.counts.gaps == 0


async def test_a_join_again_holds_back_and_repeats_nothing(broker: Broker) -> None:
    ear = Ear()
    subscription = await broker.hub.join_room(1, ear)
    subscription.release(0)
    await broker.tell(1, 2)
    subscription.hold()
    await broker.tell(3, 4)
    assert ear.heard == [b"e1", b"e2"]
    subscription.release(3)
    assert ear.heard[2:] == [b"e4"]
    subscription.hold()
    await broker.tell(5)
    subscription.release()  # the join failed: as if it had not been
    assert ear.heard[3:] == [b"e5"]


async def test_a_repeat_reaches_nobody_and_what_is_early_waits(broker: Broker) -> None:
    ear, plain = Ear(), Ear()
    (await broker.hub.join_room(1, ear)).release(0)
    (await broker.hub.join_room(1, plain, sender_mark="m")).release(0)
    for seqs in [(1, 2), (1, 2, 3), (6,), (6,), (5,), (4,), (5,), (6, 7)]:
        await broker.tell(*seqs)
    assert ear.heard == [b"e%d" % seq for seq in range(1, 8)]
    assert plain.heard == [b"p%d" % seq for seq in range(1, 8)]
    counts = broker.hub.counts
    assert (counts.gaps, counts.repeats, broker.asked) == (0, 5, [])


async def test_what_does_not_come_is_read_from_the_database(broker: Broker) -> None:
    ear, plain = Ear(), Ear()
    (await broker.hub.join_room(1, ear)).release(0)
    (await broker.hub.join_room(1, plain, sender_mark="m")).release(0)
    await broker.tell(1)
    broker.stored = EventBatch(
        events=[(2, b"e2"), (3, b"e3"), (4, b"e4")], plain_chat=[(2, b"p2"), (4, b"p4")]
    )
    await broker.tell(4, None)
    assert ear.heard == [b"e1", b"e0"]
    await until_async(lambda: len(ear.heard) == 5)
    assert ear.heard == [b"e1", b"e0", b"e2", b"e3", b"e4"]
    assert plain.heard == [b"p1", b"p0", b"p2", b"p4"]
    assert (broker.asked, broker.hub.counts.repaired, broker.hub.counts.gaps) == ([(1, 1)], 3, 0)


async def test_what_nobody_has_stops_nothing(broker: Broker) -> None:
    ear = Ear()
    (await broker.hub.join_room(1, ear)).release(0)
    await broker.tell(1)
    await broker.tell(3, 5, 6)
    await until_async(lambda: len(ear.heard) == 4)
    assert ear.heard == [b"e1", b"e3", b"e5", b"e6"]
    assert (broker.hub.counts.gaps, broker.hub.counts.repaired) == (1, 0)


async def test_a_last_message_that_was_lost_is_noticed(broker: Broker) -> None:
    ear = Ear()
    broker.stored_heads = {1: 4}
    (await broker.hub.join_room(1, ear)).release(4)
    await broker.hub.repairs.check()
    assert (broker.asked, ear.heard) == ([], [])
    broker.stored_heads = {1: 5}
    broker.stored = EventBatch(events=[(5, b"e5")])
    await broker.hub.repairs.check()
    await until_async(lambda: ear.heard)
    assert (broker.asked, ear.heard) == ([(1, 4)], [b"e5"])


async def test_a_database_that_is_away_is_waited_for(broker: Broker) -> None:
    ear = Ear()
    (await broker.hub.join_room(1, ear)).release(0)
    await broker.tell(1)
    broker.stored = EventBatch(events=[(2, b"e2")])
    broker.away = True
    await broker.tell(3)
    await until_async(lambda: broker.asked)
    assert (ear.heard, ear.failed) == ([b"e1"], False)
    broker.away = False
    await until_async(lambda: len(ear.heard) == 3)
    assert ear.heard == [b"e1", b"e2", b"e3"]


async def test_an_author_is_heard_by_their_sessions(broker: Broker) -> None:
    ear = Ear()
    await broker.hub.join_author("u7", ear)
    await broker.put({"type": "authors.events", "authors": {"u7": [b"a"], "nobody": [b"b"]}})
    assert ear.heard == [b"a"]
    broker.hub.leave_author("u7", ear)
    broker.hub.leave_author("u7", ear)
    await settle()
    assert not broker.groups


async def test_however_many_authors_are_here_few_groups_are_heard(broker: Broker) -> None:
    ears = {f"g{number}": Ear() for number in range(200)}
    for key, ear in ears.items():
        await broker.hub.join_author(key, ear)
    assert len(broker.groups) < 20
    await broker.put({"type": "authors.events", "authors": {"g7": [b"a", b"b"]}})
    assert {key: ear.heard for key, ear in ears.items() if ear.heard} == {"g7": [b"a", b"b"]}


async def test_who_joins_an_author_in_an_outage_is_told_so_and_others_stay(broker: Broker) -> None:
    stays, comes = Ear(), Ear()
    await broker.hub.join_author("u7", stays)
    broker.away = True
    with pytest.raises(Unavailable):
        await broker.hub.join_author("u7", comes)
    broker.away = False
    await broker.put({"type": "authors.events", "authors": {"u7": [b"a"]}})
    assert (stays.heard, comes.heard) == ([b"a"], [])
    await broker.hub.join_author("u7", comes)
    await broker.put({"type": "authors.events", "authors": {"u7": [b"b"]}})
    assert comes.heard == [b"b"]


async def test_all_sessions_of_an_author_hear_it_though_one_fails(broker: Broker) -> None:
    ears = [Broken(), Ear(), Ear()]
    for ear in ears:
        await broker.hub.join_author("u7", ear)
    broker.hub.leave_author("u7", ears[1])
    await broker.put({"type": "authors.events", "authors": {"u7": [b"a"]}})
    assert [ear.heard for ear in ears] == [[], [], [b"a"]]


async def test_a_plain_socket_alone_is_told_what_became_of_its_message(broker: Broker) -> None:
    one, two, session = Ear(), Ear(), Ear()
    marks = [channel_names.sender_mark("u7", "a-1"), channel_names.sender_mark("u8", "b-1")]
    (await broker.hub.join_room(1, one, sender_mark=marks[0])).release(0)
    (await broker.hub.join_room(1, two, sender_mark=marks[1])).release(0)
    (await broker.hub.join_room(1, session)).release(0)
    told = [
        ("u7", "a-2", b"refused"),
        ("u8", "a-3", b"of one who copied the mark"),
        ("u7", "c-1", b"of another process"),
        ("u7", "", b"of nobody"),
    ]
    own = [[channel_names.sender_mark(key, client_id), frame] for key, client_id, frame in told]
    await broker.put({"type": "room.events", "room": 1, "events": [], "plain": [], "own": own})
    assert (one.heard, two.heard, session.heard) == ([b"refused"], [], [])


@pytest.mark.parametrize(
    "message",
    [
        None,
        7,
        {},
        {"type": "websocket.close"},
        {"type": "room.events"},
        {"type": "room.events", "room": 1, "events": [7], "plain": []},
        {"type": "room.events", "room": 1, "events": None, "plain": None},
        {"type": "authors.events"},
        {"type": "authors.events", "authors": ["nobody"]},
    ],
)
async def test_a_bad_message_is_survived(broker: Broker, message: Any) -> None:
    ear, broken = Ear(), Broken()
    (await broker.hub.join_room(1, broken)).release(0)
    (await broker.hub.join_room(1, ear)).release(0)
    await broker.put(message)
    await broker.tell(1)
    await until_async(lambda: ear.heard)
    assert ear.heard == [b"e1"]


async def test_what_is_held_back_is_bounded(broker: Broker, settings: Settings) -> None:
    settings.BUS_OUTBOX_LIMIT = 5
    ear = Ear()
    await broker.hub.join_room(1, ear)
    await broker.tell(1, 2)
    assert not ear.failed
    await broker.tell(3)
    assert ear.failed
