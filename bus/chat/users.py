"""Users of the project's model, whatever that is, found by author key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet

from bus.chat import user_adapter
from bus.models.sql import users as sql
from bus.protocol import user_ids


def all_users() -> QuerySet[Any]:
    """All users, with what the project's hooks look at."""
    related = tuple(user_adapter.current().select_related)
    users: QuerySet[Any] = get_user_model()._default_manager.all()
    return users.select_related(*related) if related else users


def by_keys(author_keys: Iterable[str]) -> dict[str, AbstractBaseUser]:
    """The users among these authors, by author key, whether active or not; one query."""
    wanted = {user_ids.user_of(key) for key in author_keys} - {None}
    if not wanted:
        return {}
    found = None if tuple(user_adapter.current().select_related) else sql.by_ids(wanted)
    if found is None:
        found = list(all_users().filter(pk__in=wanted))
    return {user_ids.key_of(user.pk): user for user in found}


def active(author_keys: Iterable[str]) -> dict[str, AbstractBaseUser]:
    """Those who are active of the users among these authors, by author key; one query."""
    return {key: user for key, user in by_keys(author_keys).items() if user.is_active}


def find(author_key: str) -> AbstractBaseUser | None:
    """The user of an author key, if there is one who is active."""
    return active([author_key]).get(author_key)


def password_of(user: AbstractBaseUser) -> str:
    """The hash of a user's password; "" where the project's users have none."""
    return str(getattr(user, "password", None) or "")
