"""Users by a statement made once: they are those of the ORM, or the ORM reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Manager, QuerySet

from bus.chat import users as chat_users
from bus.models.sql import users

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> list[User]:
    return [
        User.objects.create_user("mina", email="m@example.org", password="x", first_name="미나"),
        User.objects.create_user("jun", is_active=False),
        User.objects.create_user("tom", is_staff=True),
    ]


def test_they_are_those_of_the_orm(made: list[User]) -> None:
    ids = [made[0].pk, made[1].pk, 10**12]
    found = users.by_ids(ids)
    assert found is not None
    expected = User.objects.filter(pk__in=ids)
    assert {user.pk: read(user) for user in found} == {user.pk: read(user) for user in expected}
    assert len(found) == 2
    assert users.by_ids([]) == []


def read(user: Any) -> dict[str, Any]:
    state = user._state
    values = {name: value for name, value in user.__dict__.items() if name != "_state"}
    return {**values, "adding": state.adding, "db": state.db}


class OnlyActive(Manager[User]):
    def get_queryset(self) -> QuerySet[User]:
        return super().get_queryset().filter(is_active=True)


@pytest.fixture
def only_active(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A project whose manager says which users there are."""
    manager = OnlyActive()
    manager.model = User
    monkeypatch.setattr(User._meta, "default_manager", manager, raising=False)
    users._read_plainly.cache_clear()
    yield
    users._read_plainly.cache_clear()


@pytest.mark.usefixtures("only_active")
def test_a_manager_that_says_which_there_are_is_asked(made: list[User]) -> None:
    assert users.by_ids([made[0].pk]) is None
    keys = [f"u{user.pk}" for user in made]
    assert set(chat_users.by_keys(keys)) == {keys[0], keys[2]}
