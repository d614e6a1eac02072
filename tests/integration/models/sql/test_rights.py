"""Sanctions and memberships by statements made once: they answer what the ORM answers."""

from __future__ import annotations

import datetime as dt
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from bus.models import Member, Room, Sanction
from bus.models.sql import rights

pytestmark = pytest.mark.django_db

AUTHORS = ["gabc", "g'\"%s", "u1", "s서비스"]


@pytest.fixture
def places() -> list[Room]:
    return [Room.objects.create(name=name) for name in ("lobby", "other")]


def test_what_holds_is_what_the_orm_says_that_holds(places: list[Room]) -> None:
    now = timezone.now()
    ends = [None, now - dt.timedelta(seconds=1), now, now + dt.timedelta(seconds=1)]
    for place, author, until, lifted in product(places, AUTHORS, ends, [None, now]):
        Sanction.objects.create(
            room=place, author_key=author, kind="mute", until=until, lifted_at=lifted
        )
    asked = [(places[0].pk, "gabc"), (places[0].pk, AUTHORS[1])]
    asked += [(places[1].pk, "s서비스"), (0, "u1")]
    by_orm = [
        sanction
        for room, author in asked
        for sanction in Sanction.objects.filter(
            Q(until=None) | Q(until__gt=now), room=room, author_key=author, lifted_at=None
        )
    ]
    found = rights.sanctions_in_force(asked, now)
    assert {read(sanction) for sanction in found} == {read(sanction) for sanction in by_orm}
    assert len(found) == 6
    assert [sanction.until for sanction in found] == [ends[3]] * 3 + [None] * 3
    assert rights.sanctions_in_force([], now) == []


def read(sanction: Sanction) -> tuple[Any, ...]:
    """All that was read of a sanction."""
    state = sanction._state
    values = [value for name, value in sanction.__dict__.items() if name != "_state"]
    return *values, state.adding, state.db


def test_memberships_are_those_of_the_orm(places: list[Room]) -> None:
    users = [User.objects.create_user(name) for name in ("mina", "jun", "tom")]
    for place, user, role in [
        (places[0], users[0], "owner"),
        (places[0], users[1], "member"),
        (places[1], users[0], "moderator"),
        (places[1], users[2], "member"),
    ]:
        Member.objects.create(room=place, user=user, role=role)
    asked = [(place.pk, user.pk) for place in places for user in users[:2]]
    by_orm = Member.objects.filter(room__in=places, user__in=users[:2])
    expected = set(by_orm.values_list("room", "user", "role", "joined_at"))
    found = rights.memberships(asked)
    assert set(map(tuple, found)) == expected
    assert len(found) == 3
    assert rights.memberships([]) == []
