"""What a list of messages asks of the database: statements that were made before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db.models.sql.compiler import SQLCompiler

from bus.broker import Delivery
from bus.database.connection_limit import close_connections
from bus.messaging import default_layer
from bus.models import Member, Message, Room
from bus.protocol import channel_names
from bus.workers.moderation import ModerationWorker

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]

_numbers = iter(range(1_000_000))


def delivery(author: dict[str, Any], room: str = "lobby") -> Delivery:
    """A message as a slot hands it over."""
    number, now = next(_numbers), default_layer.steady_now()
    message = {
        "type": "message.submitted",
        "room": room,
        "author": author,
        "body": f"good morning to number {number}",
        "client_id": f"c{number}",
    }
    return Delivery(
        channel=channel_names.MODERATION,
        stream="",
        id=f"{now}-{number}",
        payload=b"",
        ordering_key=room,
        attempts_before=0,
        deliveries=1,
        sent_at=now,
        expires_at=0,
        steady_at=now,
        message=message,
    )


@contextmanager
def statements_of_the_orm(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Of which models the ORM makes statements meanwhile, in any thread."""
    made: list[str] = []
    make = SQLCompiler.as_sql

    def noted(self: SQLCompiler, *args: Any, **options: Any) -> Any:
        made.append(self.query.model.__name__)
        return make(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(SQLCompiler, "as_sql", noted)
        yield made


async def settled(*deliveries: Delivery) -> None:
    """Have a worker's consumer handle a list; none may fail."""
    worker = ModerationWorker()
    try:
        assert await worker._parse_and_handle(deliveries) == {}
    finally:
        worker._thread.submit(close_connections).result()
        worker._thread.shutdown()


async def test_the_orm_makes_no_statement_for_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("lobby", "other"):
        await sync_to_async(Room.objects.create)(name=name, access="open")
    mina = await sync_to_async(User.objects.create_user)("mina")
    lobby = await Room.objects.aget(name="lobby")
    await Member.objects.acreate(room=lobby, user=mina, role="member")
    authors = [{"id": "gabc", "name": "guest-abc0"}, {"id": mina.pk, "name": "mina"}]
    # The rooms' rules are read once.
    await settled(delivery(authors[0]), delivery(authors[0], "other"))
    with statements_of_the_orm(monkeypatch) as made:
        await settled(*(delivery(author) for author in authors), delivery(authors[0], "other"))
    assert made == []
    assert await Message.objects.filter(status="posted").acount() == 5
