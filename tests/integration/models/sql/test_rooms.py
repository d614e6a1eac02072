"""Rooms by statements made once: they answer what the ORM answers, and lock what it locks."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from bus.models import Room
from bus.models.sql import rooms

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def made() -> list[Room]:
    """Rooms with all that a room may have."""
    return [
        Room.objects.create(name="lobby", access="open"),
        Room.objects.create(
            name="대화", title="“%s” ?", topic="a\\b", slow_mode=5, newcomer_wait=9, head=2**40
        ),
        Room.objects.create(name="old", archived_at=timezone.now(), moderation="strict"),
        Room.objects.create(name="rules", policy_parts={"mode": 1}, conduct={"held_minutes": 5}),
    ]


def by_orm() -> Any:
    """The same from the ORM."""
    return Room.objects.defer("policy_parts", "conduct").order_by("pk")


def read(found: Room) -> tuple[Any, ...]:
    """All that was read of a room."""
    values = {name: value for name, value in found.__dict__.items() if name != "_state"}
    state = found._state
    return sorted(values.items()), found.get_deferred_fields(), state.adding, state.db


def test_rooms_by_names_are_those_of_the_orm(made: list[Room]) -> None:
    names = [place.name for place in made[:3]] + ["lobby", "nowhere"]
    found = sorted(rooms.by_names(names), key=lambda place: place.pk)
    assert [read(place) for place in found] == [read(place) for place in by_orm()[:3]]
    assert rooms.by_names([]) == []


def test_a_room_that_was_changed_is_read_anew(made: list[Room]) -> None:
    rooms.by_names(["rules"])
    Room.objects.filter(name="rules").update(
        topic="new", policy_version=1, head=9, archived_at=timezone.now()
    )
    (found,) = rooms.by_names(["rules"])
    assert read(found) == read(by_orm().get(name="rules"))
    assert found.head == 9
    # What is deferred is read when it is asked for.
    assert found.conduct == {"held_minutes": 5}


def test_no_two_share_what_was_read(made: list[Room]) -> None:
    (one,), (other,) = rooms.by_names(["lobby"]), rooms.by_names(["lobby"])
    one.head, one.topic = 5, "mine"
    assert (other.head, other.topic) == (0, "")


def test_rooms_are_locked_in_the_order_of_their_ids(made: list[Room]) -> None:
    ids = [place.pk for place in made]
    with transaction.atomic():
        found = rooms.lock([*reversed(ids), 0])
    assert [read(place) for place in found] == [read(place) for place in by_orm()]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one lock for all")
def test_nobody_else_may_lock_them_meanwhile(made: list[Room]) -> None:
    refused: list[bool] = []

    def try_to_lock() -> None:
        for place in made[:2]:
            try:
                with transaction.atomic():
                    Room.objects.select_for_update(nowait=True).get(pk=place.pk)
                refused.append(False)
            except DatabaseError:
                refused.append(True)
        connection.close()

    with transaction.atomic():
        rooms.lock([made[0].pk])
        other = threading.Thread(target=try_to_lock)
        other.start()
        other.join()
    assert refused == [True, False]


def test_heads_are_stored_and_nothing_else(made: list[Room]) -> None:
    Room.objects.filter(name="lobby").update(topic="stays")
    made[0].head, made[1].head = 7, 2**40 + 1
    rooms.save_heads(made[:2])
    heads = dict(Room.objects.values_list("name", "head"))
    assert heads == {"lobby": 7, "대화": 2**40 + 1, "old": 0, "rules": 0}
    assert Room.objects.get(name="lobby").topic == "stays"
