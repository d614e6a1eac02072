"""Messages by statements made once: they are stored and found as the ORM would."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from bus.models import Message, Room
from bus.models.sql import messages

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def lobby() -> Room:
    return Room.objects.create(name="lobby", access="open")


def values_of(number: int, **more: Any) -> dict[str, Any]:
    return {
        "status": "posted",
        "seq": number,
        "changed": number,
        "author_key": f"g{number}",
        "author_name": "it's “me” %s ? 서연",
        "client_id": f"c{number}",
        "body": 'one\ntwo \\ "three" 😀 %(x)s',
        "reason": "",
        "created_at": NOW - dt.timedelta(microseconds=number),
        "posted_at": NOW,
        **more,
    }


def odd(author: User, answered: Message) -> list[dict[str, Any]]:
    """What messages may have beside the usual."""
    verdict = {"action": "hold", "score": 0.5, "rules": [{"matched": '좋"아'}], "body": "x"}
    return [
        values_of(1),
        values_of(2, author_id=author.pk, author_key=f"u{author.pk}", reply_to_id=answered.pk),
        values_of(3, status="held", seq=None, changed=None, posted_at=None, verdict=verdict),
        values_of(4, status="rejected", seq=None, changed=None, posted_at=None, reason="spam"),
        values_of(5, removed_at=NOW, edited_at=NOW, changed=6, verdict={}),
    ]


def columns(row: Message) -> dict[str, Any]:
    fields = Message._meta.concrete_fields
    names = {field.attname for field in fields} - {"id", "room_id"}
    return {name: getattr(row, name) for name in names}


def test_they_are_stored_as_the_orm_stores_them(lobby: Room) -> None:
    author = User.objects.create_user("mina")
    answered = messages.new(lobby, **values_of(9))
    messages.insert([answered])
    made = [messages.new(lobby, **values) for values in odd(author, answered)]
    other = Room.objects.create(name="other")
    by_orm = [Message(room=other, **values) for values in odd(author, answered)]
    assert [columns(row) for row in made] == [columns(row) for row in by_orm]
    messages.insert(made)
    Message.objects.bulk_create(by_orm)
    stored = [Message.objects.get(pk=row.pk) for row in made]
    expected = [Message.objects.get(pk=row.pk) for row in by_orm]
    assert [columns(row) for row in stored] == [columns(row) for row in expected]
    assert [row.client_id for row in stored] == [row.client_id for row in made]
    assert all(row.room == lobby and not row._state.adding and row._state.db for row in made)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 64, 200])
def test_lists_of_any_length_are_stored(lobby: Room, count: int) -> None:
    made = [messages.new(lobby, **values_of(number)) for number in range(1, count + 1)]
    messages.insert(made)
    stored = list(Message.objects.order_by("seq").values_list("pk", "client_id"))
    assert stored == [(row.pk, row.client_id) for row in made]
    assert len(stored) == count


def test_they_are_stored_where_statements_are_kept(
    lobby: Room, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1) as asked:
        messages.insert([messages.new(lobby, **values_of(1))])
    assert "INSERT INTO" in asked.captured_queries[0]["sql"]
    assert Message.objects.get().author_name == "it's “me” %s ? 서연"


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "c1", "author_key": "g1"},
        {"seq": 1},
        {"seq": None},
        pytest.param(
            {"author_name": "n" * 151},
            marks=pytest.mark.skipif(connection.vendor == "sqlite", reason="it has no lengths"),
        ),
    ],
)
def test_what_the_tables_refuse_is_refused(lobby: Room, wrong: dict[str, Any]) -> None:
    messages.insert([messages.new(lobby, **values_of(1))])
    row = messages.new(lobby, **values_of(2, **wrong))
    with pytest.raises(DatabaseError), transaction.atomic():
        messages.insert([row])
    assert Message.objects.count() == 1
    assert row.pk is None


def test_they_are_found_by_their_keys_alone(lobby: Room) -> None:
    other = Room.objects.create(name="other")
    made = [messages.new(lobby, **values_of(number)) for number in range(1, 5)]
    made.append(messages.new(other, **values_of(1)))
    messages.insert(made)
    nobodys = [(lobby.pk, "g2", "c3"), (0, "g1", "c1")]
    keys = [messages.key_of(made[0]), messages.key_of(made[4]), *nobodys]
    assert sorted(messages.find(keys)) == sorted([made[0].pk, made[4].pk])
    assert messages.find([]) == []
