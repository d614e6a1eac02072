"""How users are told apart: by the primary key of their model, as text and on the wire.

An author key is `u` and the primary key as text. On the wire a number stays a number, and all else
is text: as it is, but for what could be taken for a guest's key, which travels as the author key.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import CharField, Field, IntegerField, TextField, UUIDField

# What is left of an author key's 64 characters.
TEXT_LIMIT: Final = 63
# Controls and what ends lines: none is in an author key.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_LARGEST = 2**63
# What guests are told apart by, as this server makes it, and as services may have it.
_MADE_HERE = re.compile(r"g[0-9a-f]{16}")
_GUEST = re.compile(r"g[\w.-]{1,63}")
_SERVICE = re.compile(r"s.{1,63}")
_LIKE_A_GUEST = re.compile(rf"u*{_MADE_HERE.pattern}")


@cache
def primary_key() -> Field[Any, Any]:
    """The field that users are told apart by; of a model that extends another, that one's."""
    field: Any = get_user_model()._meta.pk
    while field.remote_field is not None:
        field = field.target_field
    return field  # type: ignore[no-any-return]


@cache
def numeric() -> bool:
    """Whether users are told apart by numbers."""
    return isinstance(primary_key(), IntegerField)


def fault() -> str | None:
    """What keeps the user model's primary key from being an author key; None where nothing does."""
    field = primary_key()
    if isinstance(field, IntegerField | UUIDField):
        return None
    if not isinstance(field, CharField | TextField):
        return f"it is a {type(field).__name__}"
    if field.max_length is None or field.max_length > TEXT_LIMIT:
        length = "any length" if field.max_length is None else f"{field.max_length} characters"
        return f"it may have {length}"
    return None


def key_of(user: Any) -> str:
    """The author key of a user, by their primary key."""
    return f"u{user}"


def user_of(author_key: str) -> Any:
    """The primary key of the user that an author key tells of; None where it tells of none."""
    if not author_key.startswith("u"):
        return None
    text = author_key[1:]
    if not text or len(text) > TEXT_LIMIT or _CONTROL.search(text):
        return None
    if numeric():
        number = int(text) if _NUMBER.fullmatch(text) else _LARGEST
        return number if number < _LARGEST else None
    try:
        return primary_key().to_python(text)
    except (ValidationError, TypeError, ValueError):
        return None


def parse(text: str) -> str | None:
    """An author key that somebody wrote, as it is stored; None where it can be none."""
    if text.startswith("u"):
        user = user_of(text)
        return None if user is None else key_of(user)
    return text if _GUEST.fullmatch(text) or _SERVICE.fullmatch(text) else None


def public_id(user: Any) -> int | str:
    """A user's id as clients see it, by their primary key."""
    if numeric():
        return int(user)
    text = str(user)
    return key_of(text) if _LIKE_A_GUEST.fullmatch(text) else text


def is_users(id: int | str | None) -> bool:
    """Whether an author's id on the wire is a user's, and not a guest's or a service's."""
    if isinstance(id, int) or id is None or numeric():
        return isinstance(id, int)
    return author_key(id).startswith("u")


def author_key(id: int | str) -> str:
    """The author key of a user or a guest, by their id on the wire."""
    if isinstance(id, int):
        return key_of(id)
    if numeric() or _LIKE_A_GUEST.fullmatch(id) or not _can_be_users(id):
        return id
    return key_of(id)


def _can_be_users(id: str) -> bool:
    return user_of(key_of(id)) is not None


def checked(id: str) -> str:
    """A text that came as the id of an author, spelled as we do; raises ValueError."""
    if _LIKE_A_GUEST.fullmatch(id) and not numeric():
        return id
    user = None if numeric() else user_of(key_of(id))
    if user is None:
        raise ValueError("no user has such an id")
    return str(user)


def reference(id: int | str) -> int | str:
    """The id on the wire of a user whom somebody names, spelled as we do; raises ValueError."""
    if isinstance(id, str) and not numeric() and id.startswith("u") and _LIKE_A_GUEST.fullmatch(id):
        return id
    user = user_of(key_of(id))
    if user is None:
        raise ValueError("no user has such an id")
    return public_id(user)
