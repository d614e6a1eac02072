"""What is committed is answered as done and told, whatever was stored and whatever fails then."""

import asyncio
import datetime as dt
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError
from django.utils import timezone

from bus.chat import history
from bus.chat.visitors import Visitor
from bus.conf import conf
from bus.consumers import changes
from bus.enforcement import room_policies
from bus.messaging import default_layer, operations, presence_store, publisher
from bus.messaging.event_batch import EventBatch
from bus.messaging.inbox import Inbox
from bus.models import Member, Message, Report, Review, Room
from bus.posting import catch_up, events
from bus.protocol import channel_names
from bus.protocol.errors import Invalid
from bus.protocol.events import EventPublished
from bus.protocol.objects import Author
from bus.realtime.presence import PresenceKeeper
from bus.review import expiry, reports, reviews
from tests.support.factories import HELD, posted, settle
from tests.support.wait import PATIENCE
from tests.support.web_server import Client, cookies_of, serving, session, working

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]


@pytest.fixture
def lobby(db: None) -> Room:
    return Room.objects.create(name="lobby", access="open")


@pytest.fixture
def mod(lobby: Room) -> User:
    mod = User.objects.create_user("mod")
    Member.objects.create(room=lobby, user=mod, role="moderator")
    return mod


@pytest_asyncio.fixture
async def moderator(broker: str, mod: User) -> AsyncIterator[Client]:
    """A moderator's session, which has joined the lobby."""
    async with (
        serving() as server,
        session(server, additional_headers=await cookies_of(mod)) as client,
    ):
        await client.do("room.join", room="lobby")
        yield client


def complain(lobby: Room, row: Message, people: int, *, new: bool = False) -> None:
    """Have guests report a message, each with a reason as long as may be."""
    for number in range(people):
        guest = Visitor(f"g{number}", f"g{number}", f"guest-{number}", new=new)
        reports.file(lobby, str(row.pk), guest, "😀" * 500)


@pytest.mark.asyncio
async def test_a_message_that_a_crowd_reported_is_removed_and_its_review_is_closed(
    lobby: Room, moderator: Client
) -> None:
    row = await sync_to_async(posted)(lobby)
    await sync_to_async(complain)(lobby, row, 250)
    assert await Report.objects.acount() <= 50
    await moderator.do("message.delete", room="lobby", id=str(row.pk))
    closed = (await moderator.event("review.closed"))["data"]
    assert closed["message"] == str(row.pk)
    assert 0 < len(closed["reports"]) <= closed["report_count"] <= 50
    assert sum(map(len, closed["reports"])) <= 10 * 500


@pytest.mark.asyncio
async def test_a_removal_is_answered_as_done_where_the_database_goes_away_after_it(
    lobby: Room, moderator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object) -> None:
        raise OperationalError("gone")

    row = await sync_to_async(posted)(lobby)
    await sync_to_async(complain)(lobby, row, 1)
    monkeypatch.setattr(events, "moderators_for", away)
    await moderator.do("message.delete", room="lobby", id=str(row.pk))
    await row.arefresh_from_db()
    assert row.removed_at is not None
    # Who is in the room sees it all the same: the hole in its seq is read from the database.
    assert (await moderator.event("message.removed"))["seq"] == 2


@pytest.mark.asyncio
async def test_a_change_is_told_although_who_asked_for_it_is_gone(lobby: Room) -> None:
    inbox = await Inbox.open(lambda: None)
    await inbox.listen(channel_names.room_group(lobby.pk))
    under_way, go_on = threading.Event(), threading.Event()

    def work() -> tuple[None, events.EventBatches]:
        under_way.set()
        assert go_on.wait(PATIENCE)
        return None, events.EventBatches({lobby.pk: EventBatch([(1, b"{}")])})

    asking = asyncio.ensure_future(changes.carry_out(work))
    await asyncio.to_thread(under_way.wait, PATIENCE)
    asking.cancel()
    await asyncio.wait([asking])
    go_on.set()
    async with asyncio.timeout(PATIENCE):
        assert (await inbox.receive())["events"] == [[1, b"{}"]]
    await default_layer.close()


@pytest.mark.asyncio
async def test_an_event_that_is_too_large_keeps_no_other_from_being_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox = await Inbox.open(lambda: None)
    for room in (1, 2):
        await inbox.listen(channel_names.room_group(room))
    large = b"x" * conf.message_size_limit
    await publisher.publish({1: EventBatch([(1, large), (2, b"{}")]), 2: EventBatch([(7, b"{}")])})
    told = {}
    async with asyncio.timeout(PATIENCE):
        for _ in range(2):
            message = await inbox.receive()
            told[message["room"]] = [seq for seq, _ in message["events"]]
    assert told == {1: [2], 2: [7]}
    assert "is not told" in caplog.text
    await default_layer.close()


@pytest.mark.asyncio
async def test_what_many_plain_sockets_are_told_together_is_divided() -> None:
    inbox = await Inbox.open(lambda: None)
    await inbox.listen(channel_names.room_group(1))
    own = [(f"mark-{number}", b"x" * 500) for number in range(1000)]
    await publisher.publish({1: EventBatch([(1, b"{}")], for_senders=list(own))})
    heard: list[Any] = []
    async with asyncio.timeout(PATIENCE):
        while len(heard) < len(own):
            heard += (await inbox.receive())["own"]
    assert [mark for mark, _ in heard] == [mark for mark, _ in own]
    await default_layer.close()


@pytest.mark.asyncio
async def test_a_room_hears_that_a_crowd_with_long_names_is_gone(lobby: Room) -> None:
    inbox = await Inbox.open(lambda: None)
    await inbox.listen(channel_names.room_group(lobby.pk))
    people = {f"g{n}": Author(id=f"g{n}", name="😀" * 140 + str(n)) for n in range(900)}
    roster = presence_store.of(lobby.pk)
    await roster.attend("other", people)
    await roster.changes()
    keeper = PresenceKeeper()
    one = Author(id="gone", name="one")
    await keeper.enter(lobby.pk, lobby.name, "gone", one)
    await roster.depart("other", people)
    # Somebody of this process has to notice.
    await keeper.enter(lobby.pk, lobby.name, "gtwo", Author(id="gtwo", name="two"))
    async with asyncio.timeout(PATIENCE):
        while b'"members":[{' not in (frame := (await inbox.receive())["events"][0][1]):
            pass
    assert b'"left":[]' in frame
    assert len(frame) < 10_000
    await keeper.close()
    await default_layer.close()


def test_a_review_has_a_bounded_size_whatever_was_found_and_reported(
    lobby: Room, mod: User
) -> None:
    row = posted(lobby)
    hit = {"rule": "words", "start": 0, "end": 1, "view": "plain", "matched": "가" * 5000}
    hits = [{**hit, "severity": 1 + number % 5} for number in range(200)]
    row.verdict = {"body": "가" * 100_000, "rules": hits}
    row.save()
    member = User.objects.create_user("old", date_joined=timezone.now() - dt.timedelta(days=9))
    known = Visitor(f"u{member.pk}", member.pk, "old", member.pk)
    assert reports.file(lobby, str(row.pk), known, "a threat") is not None
    complain(lobby, row, 100)
    review = Review.objects.get()
    told = events.of_domain_events(
        [reviews.decide(review.pk, approve=True, by=None).domain_events[-1]]
    )
    ((_, frame),) = told.authors[f"u{mod.pk}"].events
    assert len(frame) < 131_072
    # What somebody said who is known is among the few that are told.
    assert b"a threat" in frame


def test_one_fact_that_cannot_be_told_keeps_no_other_from_being_told(
    lobby: Room, mod: User
) -> None:
    broken, sound = (posted(lobby, body) for body in ("one", "two"))
    for row in (broken, sound):
        complain(lobby, row, 1)
    Message.objects.filter(pk=broken.pk).update(verdict={"rules": ["no hit"]})
    domain_events = [
        event
        for review in Review.objects.order_by("pk")
        for event in reviews.decide(review.pk, approve=False, by=None).domain_events
    ]
    told = events.of_domain_events(domain_events)
    assert [seq for seq, _ in told.rooms[lobby.pk].events] == [3, 4]
    frames = [frame for _, frame in told.authors[f"u{mod.pk}"].events]
    assert [str(sound.pk).encode() in frame for frame in frames][-1]


def test_a_review_that_cannot_be_decided_keeps_no_other_from_expiring(
    lobby: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [settled.row for settled in settle(lobby, HELD, HELD + "2", HELD + "3")]
    Review.objects.update(expires_at=timezone.now() - dt.timedelta(minutes=1))
    decide = reviews.carry_out

    def failing(review: Review, *args: Any, **kwargs: Any) -> Any:
        assert review.message_id != rows[0].pk, "a bug"  # type: ignore[union-attr]
        if review.message_id == rows[2].pk:  # type: ignore[union-attr]
            raise OperationalError("gone")
        return decide(review, *args, **kwargs)

    monkeypatch.setattr(reviews, "carry_out", failing)
    told = events.of_domain_events(expiry.expire_due())
    assert list(told.authors) == ["gabc"]
    assert history.outcome(Message.objects.get(pk=rows[1].pk)).status == "rejected"  # type: ignore[union-attr]


def test_reports_that_are_worth_nothing_cost_nothing(lobby: Room) -> None:
    old = timezone.now() - dt.timedelta(days=9)
    wrong = User.objects.create_user("wrong", date_joined=old)
    by = Visitor(f"u{wrong.pk}", wrong.pk, "wrong", wrong.pk)
    for number in range(5):
        row = posted(lobby, f"harmless {number}")
        review = reports.file(lobby, str(row.pk), by, "rude")
        assert review is not None
        reviews.decide(review.pk, approve=True, by=None)
    row = posted(lobby, "harmless, too")
    # Always overturned.
    assert reports.file(lobby, str(row.pk), by, "rude") is None
    assert not Report.objects.filter(message=row).exists()
    # Any number of new guests are one: they open a review, and add nothing to it.
    complain(lobby, row, 50, new=True)
    assert Report.objects.filter(message=row).count() == 1
    review = Review.objects.get(message=row)
    # One who was right is heard again.
    reviews.decide(review.pk, approve=False, by=None)
    other = Review.objects.get(message__body="harmless 4")
    reviews.undo(other.pk, by=None)
    reviews.decide(other.pk, approve=False, by=None)
    bad = posted(lobby, "bad")
    assert reports.file(lobby, str(bad.pk), by, "rude") is not None


def test_a_crowd_of_guests_takes_no_place_of_those_who_can_hide_a_message(lobby: Room) -> None:
    row = posted(lobby)
    complain(lobby, row, 60)
    assert Report.objects.count() == 20
    old = timezone.now() - dt.timedelta(days=9)
    for number in range(3):
        member = User.objects.create_user(f"m{number}", date_joined=old)
        by = Visitor(f"u{member.pk}", member.pk, member.username, member.pk)
        review = reports.file(lobby, str(row.pk), by, f"rude {number}")
    assert review is not None
    assert review.hidden_now


def test_what_the_clock_posted_can_be_reported(lobby: Room) -> None:
    room_policies.change(lobby.pk, by=None, ways={"held_expires": "post"})
    (settled,) = settle(lobby, HELD)
    Review.objects.update(expires_at=timezone.now() - dt.timedelta(minutes=1))
    expiry.expire_due()
    assert settled.row is not None
    guest = Visitor("gx", "gx", "guest")
    review = reports.file(lobby, str(settled.row.pk), guest, "spam")
    assert review is not None
    assert review.state == Review.State.OPEN


@pytest.mark.asyncio
async def test_what_is_stored_nowhere_is_refused_where_it_is_too_large() -> None:
    frame = EventPublished(name="x", payload="x" * 300_000, source="", id="1").frame("lobby")
    with pytest.raises(Invalid):
        await publisher.publish({1: EventBatch([(None, frame)])}, strict=True)


@pytest.mark.parametrize("name", ["a\u202eb", "\u3164", "", "one\ntwo", "x" * 150])
def test_names_that_are_older_than_their_rules_stop_nobody(lobby: Room, name: str) -> None:
    row = posted(lobby)
    complain(lobby, row, 1)
    Message.objects.filter(pk=row.pk).update(author_name=name)
    (message,) = catch_up.recover(lobby.pk, 0).messages
    assert message.body == "good morning"
    assert message.author.name
    assert "\u202e" not in message.author.name
    review = Review.objects.get()
    Member.objects.create(room=lobby, user=User.objects.create_user("mod"), role="owner")
    told = events.of_domain_events(reviews.decide(review.pk, approve=False, by=None).domain_events)
    assert told.rooms
    assert told.authors


@pytest.mark.asyncio
async def test_a_message_that_cannot_be_told_keeps_no_other_from_being_told(
    lobby: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    posting = events.EventBatches.posted

    def failing(told: events.EventBatches, row: Message, *args: Any, **options: Any) -> None:
        assert row.body != "bad", "a bug"
        posting(told, row, *args, **options)

    monkeypatch.setattr(events.EventBatches, "posted", failing)
    async with serving() as server, working("moderation"), session(server) as one:
        await one.do("room.join", room="lobby")
        for body in ("bad", "good"):
            await one.say("lobby", body)
        assert (await one.event("message.settled"))["data"]["seq"] == 2
        # And nothing is tried again, or given up on.
        (stats,) = await operations.stats([channel_names.MODERATION])
        assert (stats.dead, stats.delayed, stats.totals.retries) == (0, 0, 0)
        assert await Message.objects.acount() == 2
