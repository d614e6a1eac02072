"""What sockets write with: who sends at the same time shares a look for repeats."""

import asyncio
from collections.abc import Collection

import pytest
from asgiref.sync import sync_to_async

from bus.chat import history, room_rights
from bus.chat.guest_tokens import guest_token, visitor_of_token
from bus.chat.room_access import RoomAccess
from bus.chat.visitors import Visitor
from bus.consumers.message_sender import MessageSender, Outcomes
from bus.consumers.socket_limits import SocketLimits
from bus.consumers.visitor import visitor_of_scope
from bus.consumers.visitor_limits import VisitorLimits
from bus.messaging import default_layer
from bus.models import Room
from bus.models.sql.messages import Key
from bus.protocol.objects import Outcome
from tests.support.factories import GUEST_VISITOR, REJECTED, room, settle

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


def entered(visitor: Visitor, place: Room) -> RoomAccess:
    return room_rights.enter(place.name, visitor)


def sender_of(visitor: Visitor, outcomes: Outcomes) -> MessageSender:
    return MessageSender(visitor, SocketLimits(VisitorLimits(), visitor, "", 0), outcomes)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages the database was asked about, each time."""
    asked: list[int] = []
    look = history.outcomes_of

    def counted(keys: Collection[Key]) -> dict[Key, Outcome | None]:
        asked.append(len(keys))
        return look(keys)

    monkeypatch.setattr(history, "outcomes_of", counted)
    return asked


async def test_who_sends_together_shares_a_query(asked: list[int]) -> None:
    outcomes = Outcomes(history.outcomes_of)
    lobby = await sync_to_async(room)()
    posted, rejected = await sync_to_async(settle)(lobby, "good morning", REJECTED)
    entry = await sync_to_async(entered)(GUEST_VISITOR, lobby)
    others = [Visitor(key=f"g{n}", id=f"g{n}", name="guest") for n in range(300)]
    known = posted.submission.message.client_id, rejected.submission.message.client_id
    mine = sender_of(GUEST_VISITOR, outcomes)
    found = await asyncio.gather(
        *(sender_of(visitor, outcomes).repeated(entry, known[0]) for visitor in others),
        *(mine.repeated(entry, client_id) for client_id in (*known, "never sent")),
    )
    # The same client_id of others is another message.
    assert found[:300] == [None] * 300
    *both, never = found[300:]
    assert [outcome and outcome.status for outcome in both] == ["posted", "rejected"]
    assert never is None
    assert asked == [303]


@pytest.mark.usefixtures("broker")
async def test_a_new_guest_has_sent_nothing_but_what_it_sent_itself(asked: list[int]) -> None:
    outcomes = Outcomes(history.outcomes_of)
    lobby = await sync_to_async(room)()
    visitor = await visitor_of_scope({})
    entry = await sync_to_async(entered)(visitor, lobby)
    sender = sender_of(visitor, outcomes)
    for number in range(5):
        assert await sender.repeated(entry, f"new {number}") is None
        await sender.write(entry, "good morning", f"new {number}")
    assert asked == []
    # One that it did send may be settled by now.
    assert await sender.repeated(entry, "new 3") is None
    assert asked == [1]
    # Back with its token it may repeat what it sent before.
    back = visitor_of_token(guest_token(visitor))
    assert not back.new
    assert await sender_of(back, outcomes).repeated(entry, "new 4") is None
    assert asked == [1, 1]
    await default_layer.close()
