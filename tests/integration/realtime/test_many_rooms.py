"""A process to which all its rooms come back at once reads them together."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from pydantic_core import to_json

from bus.chat import history
from bus.models import Room
from bus.posting import catch_up
from bus.realtime.hub import Hub
from tests.integration.realtime.test_gap_repair import stored
from tests.integration.realtime.test_recovery import Ear

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


async def test_who_comes_back_to_many_rooms_asks_for_all_of_them_together(
    database: Counter[str],
) -> None:
    names = [f"room-{n}" for n in range(120)]
    rooms = [await Room.objects.acreate(name=name, access="open") for name in names]
    # None, few and more messages than are read together; and one of them is edited.
    for number, room in enumerate(rooms[:4]):
        await stored(room, *(f"body {n}" for n in range((0, 3, 99, 130)[number])))
    edited = await sync_to_async(lambda: history.posted(rooms[3].pk).get(seq=7))()
    edited.body, edited.changed, edited.edited_at = "another", 131, timezone.now()
    await edited.asave()
    await Room.objects.filter(pk=rooms[3].pk).aupdate(head=131)
    one = Hub()

    async def back(room: Room) -> tuple[int, list[Any]]:
        subscription = await one.join_room(room.pk, Ear())
        found = await one.recover(subscription, None, 200)
        return found.head, json.loads(found.messages)

    try:
        answers = await asyncio.gather(*map(back, rooms))
    finally:
        await one.close()
    # Each but a few goes with others, however they come.
    assert database["heads"] < 40
    assert database["snapshots"] < 40
    assert database["recover"] == 0
    read = await sync_to_async(
        lambda: [catch_up.recover(room.pk, None, 200) for room in rooms], thread_sensitive=True
    )()
    assert answers == [(one.head, json.loads(to_json(one.messages))) for one in read]
    assert [len(messages) for _, messages in answers[:5]] == [0, 3, 99, 100, 0]
