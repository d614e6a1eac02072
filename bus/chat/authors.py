"""Who wrote a stored message, as others see them now."""

from __future__ import annotations

from django.db.models import QuerySet

from bus.chat import user_adapter
from bus.chat.user_adapter import Profile
from bus.models import Message
from bus.protocol import user_ids
from bus.protocol.objects import Author

# Where a row keeps what its author is shown like, once that is known.
_KNOWN = "_bus_profile"


def named(rows: QuerySet[Message]) -> QuerySet[Message]:
    """Messages, read together with their authors, so that `author` asks nothing."""
    related = [f"author__{name}" for name in user_adapter.current().select_related]
    return rows.select_related("author", *related)


def author(row: Message) -> Author:
    """The author of a message; one who is gone, or no user, is called as when it was written."""
    profile: Profile | None = row.__dict__.get(_KNOWN)
    if profile is None:
        profile = Profile(row.author_name)
        if row.author is not None:
            profile = user_adapter.profile_of(row.author)
        note(row, profile)
    return profile.author(_id(row.author_key))


def note(row: Message, profile: Profile) -> None:
    """Keep with a row what was just looked up for it."""
    row.__dict__[_KNOWN] = profile


def _id(author_key: str) -> int | str | None:
    """The id on the wire: a user's, a guest's key, nothing for a service."""
    user = user_ids.user_of(author_key)
    if user is not None:
        return user_ids.public_id(user)
    return author_key if author_key.startswith("g") else None
