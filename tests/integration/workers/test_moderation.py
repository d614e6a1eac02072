"""The moderation worker: what it knows of authors, posting first, dry runs, and expiry."""

import asyncio
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone

from bus.broker.worker.worker import Worker
from bus.enforcement import room_policies
from bus.enforcement.recent_texts import RecentTexts
from bus.messaging import default_layer, text_store
from bus.models import DryRun, Message, Review, Room, Sanction
from bus.moderation import fingerprint
from bus.protocol import channel_names
from bus.review import dry_run
from bus.workers import dry_run as rehearsal
from bus.workers import expiry
from tests.integration.workers.test_workers import ROUTER, Listener, dead, submit, working
from tests.support.factories import HELD, REJECTED
from tests.support.wait import until_async as until

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


@pytest.fixture
def lobby(transactional_db: None) -> Room:
    return Room.objects.create(name="lobby", access="open")


def change(place: Room, **values: Any) -> Any:
    return sync_to_async(room_policies.change)(place.pk, by=None, **values)


async def outcomes(*messages: tuple[str, str, str]) -> list[dict[str, Any]]:
    """What the author is told of (body, room, client id), in order."""
    async with Listener.on(channel_names.author_group("gabc")) as heard, working():
        for body, place, client_id in messages:
            await submit(body, client_id, place)
        await until(lambda: len(heard.of("message.settled")) == len(messages))
    found = {event["data"]["client_id"]: event["data"] for event in heard.of("message.settled")}
    return [found[client_id] for _, _, client_id in messages]


async def stored(count: int) -> None:
    """Wait until there are so many messages."""

    async def are_stored() -> bool:
        return await Message.objects.acount() >= count

    await until(are_stored)


async def test_posting_first_tells_of_the_message_and_then_of_its_removal(lobby: Room) -> None:
    await change(lobby, ways={"mode": "after"})
    async with Listener.on(channel_names.room_group(lobby.pk)) as heard, working():
        await submit(REJECTED, "c1")
        await submit("hello", "c2")
        await until(lambda: len(heard.events) == 3)
    assert [(event["type"], event["seq"]) for event in heard.events] == [
        ("message.posted", 1),
        ("message.removed", 2),
        ("message.posted", 3),
    ]
    posted, removed, _ = (event["data"] for event in heard.events)
    assert (posted["body"], posted["removed"]) == (REJECTED, False)
    assert (removed["id"], removed["by"], removed["reason"]) == (
        posted["id"],
        "moderator",
        "blocked_word",
    )


async def test_a_flood_is_seen_by_its_times(lobby: Room) -> None:
    await change(lobby, parts={"flood_messages": 3, "flood_seconds": 60})
    told = await outcomes(*((f"message {n}", "lobby", f"c{n}") for n in range(6)))
    assert [outcome["status"] for outcome in told] == ["posted"] * 3 + ["held"] * 3
    assert told[-1]["reason"]["code"] == "flood"


async def test_a_raid_is_held(lobby: Room) -> None:
    await change(lobby, parts={"raid_seconds": 3600})
    (told,) = await outcomes(("hello", "lobby", "c1"))
    assert told["status"] == "held"


async def test_what_one_author_said_is_recalled_across_rooms_and_lists(lobby: Room) -> None:
    await sync_to_async(Room.objects.create)(name="other", access="open")
    await outcomes(("one", "lobby", "c1"), ("two words", "other", "c2"), ("three", "lobby", "c3"))
    (entries,) = await text_store.recall(["gabc"])
    now = int(timezone.now().timestamp() * 1000)
    known = RecentTexts(entries).at("lobby", now, timed=True)
    # Rooms keep their order, and not each other's.
    assert sorted(known.recent) == sorted(map(fingerprint, ("one", "two words", "three")))
    assert len(known.ages) == 2
    assert all(0 <= seconds < 60 for seconds in known.ages)


async def test_the_same_in_other_rooms_counts_as_a_repeat(lobby: Room) -> None:
    for name in ("other", "third"):
        await sync_to_async(Room.objects.create)(name=name, access="open")
    said = "join my guild today"
    told = await outcomes(
        (said, "lobby", "c1"), (said, "other", "c2"), (f"{said}!!", "third", "c3")
    )
    assert [outcome["status"] for outcome in told] == ["posted"] * 3
    (told_last,) = await outcomes(("JOIN my guild today", "lobby", "c4"))
    assert (told_last["status"], told_last["reason"]["code"]) == ("rejected", "spam")


async def test_a_list_costs_one_look_into_the_broker(
    lobby: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    recall = text_store.recall

    async def counted(keys: Any) -> Any:
        asked.append(len(keys))
        return await recall(keys)

    monkeypatch.setattr(text_store, "recall", counted)
    for number in range(20):
        await submit(f"message {number}", f"c{number}", author={"id": f"g{number}", "name": "g"})
    async with Listener.on(channel_names.room_group(lobby.pk)) as heard, working():
        await until(lambda: len(heard.events) == 20)
    assert sum(asked) == 20
    assert len(asked) < 5


async def test_a_ban_by_the_ladder_holds_for_the_rest_of_the_list(lobby: Room) -> None:
    await change(lobby, ways={"ladder": [{"strikes": 2, "kind": "ban"}]})
    told = await outcomes(
        (REJECTED, "lobby", "c1"), (REJECTED, "lobby", "c2"), ("hello", "lobby", "c3")
    )
    assert [outcome["reason"]["code"] for outcome in told] == [
        "blocked_word",
        "blocked_word",
        "banned",
    ]
    assert (await Sanction.objects.aget()).kind == "ban"


async def test_moderators_hear_of_what_is_held(lobby: Room) -> None:
    mina = await sync_to_async(User.objects.create_user)("mina")
    await lobby.members.acreate(user=mina, role="moderator")
    async with Listener.on(channel_names.author_group(f"u{mina.pk}")) as heard, working():
        await submit(HELD)
        # What its author is told may come through the same group.
        await until(lambda: heard.of("review.opened"))
    (event,) = heard.of("review.opened")
    assert event["room"] == "lobby"
    data = event["data"]
    assert (data["body"], data["rule"], data["state"]) == (HELD, "links", "open")
    assert data["hits"][0]["matched"] == "https://bit.ly/xyz"
    assert data["id"] == str((await Review.objects.aget()).pk)


async def test_a_worker_does_a_dry_run_among_messages(
    lobby: Room, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "go_on", partial(rehearsal.go_on, size=5))
    await outcomes(*((f"message {n}", "lobby", f"c{n}") for n in range(12)))
    run = await sync_to_async(dry_run.start)(lobby, by=None, parts={"words": ["message"]})
    await sync_to_async(rehearsal.ask)(run)

    async with Listener.on(channel_names.room_group(lobby.pk)) as heard, working():
        await submit("and one more", "c99")
        await until(lambda: len(heard.events) == 1)
        await until(DryRun.objects.exclude(state="running").aexists)
    run = await DryRun.objects.aget()
    assert (run.state, run.looked, run.found["changes"]) == ("done", 12, {"allow>reject": 12})
    assert dead(channel_names.MODERATION, broker) == []


async def test_what_waited_too_long_is_decided_and_told(lobby: Room) -> None:
    expire = partial(expiry.expire_forever, pause=0.01)
    await outcomes((HELD, "lobby", "c1"))
    await Review.objects.aupdate(expires_at=timezone.now())
    worker = Worker(ROUTER, [channel_names.MODERATION], default_layer.get(), 1, [expire])
    async with Listener.on(channel_names.author_group("gabc")) as heard:
        running = asyncio.ensure_future(worker.main())
        await until(lambda: len(heard.events) == 1)
        worker.stop()
        await asyncio.wait_for(running, 20)
    data = heard.events[0]["data"]
    assert (data["status"], data["reason"]["code"]) == ("rejected", "expired")
    assert (await Message.objects.aget()).status == "rejected"


async def test_an_external_judge_has_a_message_held(
    lobby: Room, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    from bus.enforcement import external_classifier

    def post(texts: list[str], longest: float) -> list[str]:
        if "broken" in texts[0]:
            raise OSError("no such host")
        return ["spam" if "odd" in text else "" for text in texts]

    settings.BUS_JUDGE_URL = "http://judge.invalid/"
    monkeypatch.setattr(external_classifier, "post", post)
    told = await outcomes(("an odd offer", "lobby", "c1"))
    told += await outcomes(("hello", "lobby", "c2"))
    told += await outcomes(("broken odd", "lobby", "c3"))
    await sync_to_async(Room.objects.create)(name="private", access="open", moderation="off")
    told += await outcomes(("an odd offer", "private", "c4"))
    assert [outcome["status"] for outcome in told] == ["held", "posted", "posted", "posted"]


async def test_an_external_judge_is_not_asked_about_whom_the_policy_trusts(
    lobby: Room, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    from bus.enforcement import external_classifier

    def post(texts: list[str], longest: float) -> list[str]:
        return ["spam" for _ in texts]

    settings.BUS_JUDGE_URL = "http://judge.invalid/"
    monkeypatch.setattr(external_classifier, "post", post)
    mina = await sync_to_async(User.objects.create_user)("mina")
    await lobby.members.acreate(user=mina, role="moderator")
    async with working():
        await submit("by a guest", "c1")
        await submit("by a moderator", "c2", author=mina.pk)
        await submit("by a service", "c3", author="builds")
        await stored(3)
        await change(lobby, parts={"exempt": ["guest", "service"]})
        await submit("by a guest", "c4")
        await submit("by a service", "c5", author="builds")
        await stored(5)
    status = [row.status async for row in Message.objects.order_by("client_id")]
    assert status == ["held", "posted", "held", "posted", "posted"]


async def test_guests_have_the_limits_of_new_members(lobby: Room) -> None:
    await change(lobby, parts={"new_seconds": 3600, "new_max_mentions": 1})
    told = await outcomes(("hi @one", "lobby", "c1"), ("hi @one @two", "lobby", "c2"))
    assert [outcome["status"] for outcome in told] == ["posted", "rejected"]
