"""Who is in a room, across processes, on a real broker."""

import pytest
from pytest_django import Settings

from bus.messaging import presence_store
from bus.messaging.presence_store import Attendance, Changes, PresenceStore
from bus.protocol.objects import Author
from tests.support.wait import PATIENCE, until_async

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("broker")]

MINA, JUN = Author(id=7, name="mina"), Author(id="g1", name="guest-1")


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(PresenceStore, "change_interval", 1)
    return 1


def of(room: int) -> PresenceStore:
    return presence_store.of(room)


async def told(room: int) -> tuple[int, list[Author], list[Author]]:
    """The changes, once the broker gives them."""

    async def changes() -> Changes | None:
        found = await of(room).changes()
        if isinstance(found, Changes):
            return found
        assert found < PATIENCE
        return None

    found = await until_async(changes, "the broker gives the changes", PATIENCE)
    return found.count, found.joined, found.left


async def seen_by(process: str, room: int, count: int) -> Attendance:
    """What a process with nobody there is told of the room, once there are so many."""

    async def seen() -> Attendance | None:
        found = await of(room).attend(process, {})
        return found if found.count == count else None

    return await until_async(seen, f"{count} are there")


async def test_a_person_in_two_processes_is_one(room: int) -> None:
    assert (await of(room).attend("a", {"u7": MINA})).members == [MINA]
    assert (await of(room).attend("b", {"u7": MINA, "g1": JUN})).count == 2
    count, joined, left = await told(room)
    assert (count, {author.name for author in joined}, left) == (2, {"mina", "guest-1"}, [])
    assert (await of(room).depart("a", ["u7"])).count == 2
    assert (await of(room).depart("a", ["u7"])).count == 2
    left = await of(room).depart("b", ["u7"])
    assert (left.count, left.members, left.unpublished) == (1, [JUN], 1)
    assert await told(room) == (1, [], [MINA])
    assert (await of(2).attend("a", {})).count == 0


async def test_who_comes_back_at_once_never_left(room: int) -> None:
    await of(room).attend("a", {"u7": MINA})
    await told(room)
    await of(room).depart("a", ["u7"])
    assert (await of(room).attend("a", {"u7": MINA})).unpublished == 0
    await of(room).attend("a", {"g1": JUN})
    assert (await of(room).depart("a", ["g1"])).unpublished == 0
    assert await told(room) == (1, [], [])


async def test_changes_are_told_once_and_not_too_often(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PresenceStore, "change_interval", 60_000)
    await of(room).attend("a", {"u7": MINA})
    assert await told(room) == (1, [MINA], [])
    assert await told(room) == (1, [], [])
    await of(room).depart("a", ["u7"])
    wait = await of(room).changes()
    assert isinstance(wait, float)
    assert 50 < wait <= 60


async def test_whom_nobody_renews_is_gone(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    await of(room).attend("b", {"g1": JUN})
    await told(room)
    with monkeypatch.context() as brief:
        brief.setattr(PresenceStore, "ttl", 1)
        await of(room).attend("a", {"u7": MINA})
    seen = await seen_by("b", room, 1)
    assert seen.members == [JUN]
    # Nobody heard of the arrival, so nobody hears of the end.
    assert await told(room) == (1, [], [])


async def test_who_leaves_is_gone_after_the_grace(room: int, settings: Settings) -> None:
    settings.BUS_PRESENCE_GRACE = 0.3
    await of(room).attend("a", {"u7": MINA, "g1": JUN})
    await told(room)
    assert (await of(room).depart("a", ["u7", "g1"])).unpublished == 0
    # In another process, after a deploy.
    back = await of(room).attend("b", {"u7": MINA})
    assert (back.count, back.unpublished) == (2, 0)
    seen = await seen_by("b", room, 1)
    assert (seen.members, seen.unpublished) == ([MINA], 1)
    assert await told(room) == (1, [], [JUN])


async def test_a_crowd_is_counted_and_not_named(room: int) -> None:
    people = {f"u{n}": Author(id=n, name=f"user{n}") for n in range(1, 1234)}
    few = dict(list(people.items())[:100])
    seen = await of(room).attend("a", few)
    assert (seen.count, len(seen.members)) == (100, 100)
    seen = await of(room).attend("a", people)
    assert (seen.count, seen.members) == (1233, [])
    count, joined, _ = await told(room)
    assert (count, len(joined)) == (1233, 1000)
    assert (await of(room).depart("a", people)).count == 0
