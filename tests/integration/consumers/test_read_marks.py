"""Read marks and unread counts: kept for users, moved forward, written seldom, told everywhere."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone

from bus.chat import read_state
from bus.chat.visitors import Visitor
from bus.consumers import read_marks
from bus.models import Member, Message, ReadMark, Room, Sanction
from bus.protocol.errors import Unavailable
from bus.protocol.objects import Reading
from tests.support.web_server import Client, cookies_of, session

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


@pytest_asyncio.fixture
async def mina(db: None) -> User:
    return await sync_to_async(User.objects.create_user)("mina")


@pytest_asyncio.fixture
async def lobby(db: None) -> Room:
    room = await Room.objects.acreate(name="lobby", access="open", head=5)
    await Message.objects.abulk_create([message(room, seq) for seq in range(1, 6)])
    return room


def message(room: Room, seq: int, author: str = "g1234", **fields: Any) -> Message:
    now = timezone.now()
    return Message(
        room=room,
        seq=seq,
        changed=seq,
        status="posted",
        author_key=author,
        author_name="somebody",
        client_id=str(seq),
        body="hi",
        created_at=now,
        posted_at=now,
        **fields,
    )


async def state(client: Client, room: str = "lobby") -> tuple[int | None, int | None]:
    joined = await client.do("room.join", room=room)
    return joined["read"], joined["unread"]


async def test_a_user_reads_on_where_they_were(
    server: uvicorn.Server, mina: User, lobby: Room
) -> None:
    cookies = await cookies_of(mina)
    async with (
        session(server, additional_headers=cookies) as one,
        session(server, additional_headers=cookies) as phone,
    ):
        assert await state(one) == (None, 5)
        assert await one.do("read.mark", room="lobby", seq=3) == {}
        # Both sessions hear of it, also the one that is not in the room.
        for client in (one, phone):
            event = await client.event("read.changed")
            assert (event["room"], event["data"]) == ("lobby", {"seq": 3})
        assert await state(phone) == (3, 2)
        # It never moves back, and never beyond what there is.
        await one.do("read.mark", room="lobby", seq=1)
        assert await state(one) == (3, 2)
        await one.do("read.mark", room="lobby", seq=2**62)
        assert await state(one) == (5, 0)
    assert (await ReadMark.objects.aget(user=mina)).seq == 5


async def test_a_mark_is_seen_at_once_by_who_joins(
    server: uvicorn.Server, mina: User, lobby: Room
) -> None:
    async with session(server, additional_headers=await cookies_of(mina)) as one:
        await one.do("room.join", room="lobby")
        await one.do("read.mark", room="lobby", seq=4)
        await one.do("room.leave", room="lobby")
        assert await state(one) == (4, 1)


async def test_what_counts_as_unread(mina: User, lobby: Room) -> None:
    def count() -> Reading:
        return read_state.states([(lobby.pk, mina.pk)])[lobby.pk, mina.pk]

    await Message.objects.abulk_create(
        [
            message(lobby, 6, author=f"u{mina.pk}"),
            message(lobby, 7, removed_at=timezone.now()),
            message(lobby, 8),
        ]
    )
    # Neither one's own nor a removed one.
    assert await sync_to_async(count)() == Reading(read=None, unread=6)
    await ReadMark.objects.acreate(room=lobby, user=mina, seq=5)
    assert await sync_to_async(count)() == Reading(read=5, unread=1)
    await Message.objects.abulk_create([message(lobby, seq) for seq in range(9, 1100)])
    assert await sync_to_async(count)() == Reading(read=5, unread=999)


async def test_guests_keep_no_marks(server: uvicorn.Server, lobby: Room) -> None:
    async with session(server) as guest:
        assert await state(guest) == (None, None)
        assert await guest.do("read.mark", room="lobby", seq=3) == {}
        assert await guest.do("unread.list") == {"rooms": []}
        assert (await guest.refused("read.mark", room="lobby", seq=-1))["field"] == "seq"
        assert (await guest.refused("read.mark", room="den", seq=1))["code"] == "not_member"
    assert not await ReadMark.objects.aexists()


async def test_all_my_rooms(server: uvicorn.Server, mina: User, lobby: Room) -> None:
    rooms = {
        name: await Room.objects.acreate(name=name, access=access, head=1)
        for name, access in (
            ("club", "private"),
            ("den", "private"),
            ("out", "open"),
            ("new", "open"),
        )
    }
    for name in ("club", "out"):
        await Member.objects.acreate(room=rooms[name], user=mina)
    await message(rooms["club"], 1).asave()
    for name in ("den", "lobby"):
        # She was in the den once; what is there now is not hers to know.
        room = await Room.objects.aget(name=name)
        await ReadMark.objects.acreate(room=room, user=mina, seq=1)
    await Sanction.objects.acreate(room=rooms["out"], author_key=f"u{mina.pk}", kind="ban")
    async with session(server, additional_headers=await cookies_of(mina)) as one:
        assert (await one.do("unread.list"))["rooms"] == [
            {"room": "club", "seq": 1, "read": None, "unread": 1},
            {"room": "lobby", "seq": 5, "read": 1, "unread": 4},
        ]


async def test_many_marks_are_one_write(
    mina: User, lobby: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = read_marks.ReadMarks()
    writes: list[dict[read_state.RoomUser, int]] = []
    write = read_state.mark

    def counted(found: dict[read_state.RoomUser, int]) -> dict[read_state.RoomUser, int]:
        writes.append(dict(found))
        return write(found)

    monkeypatch.setattr(read_state, "mark", counted)
    for seq in range(1, 6):
        marks.mark(lobby.pk, "lobby", mina.pk, seq)
    await marks.close()
    assert writes == [{(lobby.pk, mina.pk): 5}]
    assert (await ReadMark.objects.aget(user=mina)).seq == 5


async def test_marks_wait_for_a_database_that_is_away(
    mina: User, lobby: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = read_marks.ReadMarks()

    def away(_found: object) -> None:
        raise Unavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(read_state, "mark", away)
        marks.mark(lobby.pk, "lobby", mina.pk, 2)
        with pytest.raises(Unavailable):
            await marks.flush()
        marks.mark(lobby.pk, "lobby", mina.pk, 1)
    await marks.close()
    assert (await ReadMark.objects.aget(user=mina)).seq == 2


async def test_who_asks_together_shares_a_query(
    mina: User, lobby: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[read_state.RoomUser]] = []
    read = read_state.states

    def counted(room_users: Iterable[read_state.RoomUser]) -> dict[read_state.RoomUser, Reading]:
        asked.append(list(room_users))
        return read(asked[-1])

    monkeypatch.setattr(read_state, "states", counted)
    marks = read_marks.ReadMarks()
    users = [mina.pk, *range(10_000, 10_100)]
    found = await asyncio.gather(*(marks.state(lobby.pk, user) for user in [*users, mina.pk]))
    assert found == [Reading(read=None, unread=5)] * 102
    assert [len(room_users) for room_users in asked] == [101]
    await marks.close()


async def test_marks_of_what_is_gone_are_left_out(mina: User, lobby: Room) -> None:
    def write() -> dict[read_state.RoomUser, int]:
        return read_state.mark({(lobby.pk, mina.pk): 2, (10**9, mina.pk): 2, (lobby.pk, 10**9): 2})

    assert await sync_to_async(write)() == {(lobby.pk, mina.pk): 2}
    assert await sync_to_async(write)() == {}
    visitor = Visitor(key=f"u{mina.pk}", id=mina.pk, name="mina", user_id=mina.pk)
    [listed] = await sync_to_async(read_state.of_user)(visitor)
    assert (listed.room, listed.read, listed.unread) == ("lobby", 2, 3)
