"""The audit log: what was done, by whom or what, why, and how to take it back."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from bus.chat import user_adapter
from bus.models import AuditEntry, Message, Room


def person(user: AbstractBaseUser | None) -> str:
    """A person as an actor; None is somebody who used a command or a script."""
    if user is None:
        return "operator"
    return f"user:{user.pk} {user_adapter.profile_of(user).name}"


def rule(name: str) -> str:
    """A rule of the engine as an actor."""
    return f"rule:{name}"


def limit(name: str) -> str:
    """A limit of a room as an actor."""
    return f"limit:{name}"


def note(
    action: str,
    actor: str,
    room: Room,
    *,
    author_key: str = "",
    message: Message | None = None,
    reason: str = "",
    details: dict[str, Any] | None = None,
    undo: str = "",
) -> AuditEntry:
    """Add one line; within the transaction that does what it tells."""
    if message is not None:
        author_key = author_key or message.author_key
    return AuditEntry.objects.create(
        room=room,
        room_name=room.name,
        action=action,
        actor=actor[:200],
        author_key=author_key,
        message_id=None if message is None else message.pk,
        reason=reason[:500],
        details=details or {},
        undo=undo,
    )
