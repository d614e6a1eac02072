"""Keeps what services write from passing for what a user wrote."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Final

from bus.chat import name_policy, taken_names
from bus.chat.visitors import service_key
from bus.protocol import user_ids
from bus.protocol.channel_messages import (
    AnnouncementRequested,
    ChannelMessage,
    EventRequested,
    MessageSubmitted,
)
from bus.protocol.errors import Conflict

# What the web processes call guests; nobody else may be called so.
_GUEST: Final = re.compile("guest-[0-9a-f]{4}")
# How long a name that was let through is not looked up again, in seconds, and how many are kept.
_KEPT: Final = 30.0
_MOST: Final = 10_000
# Until when, by kind of writer and name.
_passed: dict[tuple[str, str], float] = {}


def forget() -> None:
    """Look every name up anew."""
    _passed.clear()


def concerns(message: ChannelMessage) -> bool:
    """Whether a message says a name that has to be looked up."""
    return _said(message) is not None


def among(messages: Iterable[ChannelMessage]) -> dict[int, Conflict]:
    """Those that say a name that looks like a user's, by their position."""
    found: dict[int, Conflict] = {}
    for at, message in enumerate(messages):
        try:
            check(message)
        except Conflict as error:
            found[at] = error
    return found


def check(message: ChannelMessage) -> None:
    """Refuse a message that says a name that looks like a user's; raises Conflict."""
    said = _said(message)
    if said is None:
        return
    kind, name = said
    if kind == "service":
        taken_names.take(taken_names.PERSON, name, service_key(name), by_service=True)
    else:
        taken_names.check(taken_names.PERSON, name, service_key(name))
    if len(_passed) >= _MOST:
        _passed.clear()
    _passed[said] = time.monotonic() + _KEPT


def _said(message: ChannelMessage) -> tuple[str, str] | None:
    """The name that is shown beside it, where that is not a user's, and whose it is."""
    if isinstance(message, MessageSubmitted):
        author = message.author
        if user_ids.is_users(author.id) or (author.id and _is_a_guests(author.name)):
            return None
        said = "guest" if author.id else "service", author.name
    elif isinstance(message, AnnouncementRequested) or (
        isinstance(message, EventRequested) and message.name == "announcement"
    ):
        said = "source", message.source
    else:
        return None
    known = _passed.get(said, 0.0) > time.monotonic() or _is_reserved(said[1])
    return None if known or not said[1] else said


def _is_reserved(name: str) -> bool:
    """Whether services may have it, and nobody else: what guests are called is not theirs."""
    return name_policy.is_reserved(name) and not taken_names.is_a_guests(name)


def _is_a_guests(name: str) -> bool:
    return _GUEST.fullmatch(name) is not None or taken_names.is_a_guests(name)
