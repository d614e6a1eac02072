"""The list of rooms, page by page, and the search in it: at one cost however many there are."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from bus.chat import user_adapter, users
from bus.chat.visitors import Visitor
from bus.models import Listing, Member, Room
from bus.models.listing import LIST, SEARCH_LIMIT, folded, keys_of

PAGE = 50
# Entries that are looked at for a page: more than its rooms, as one may fit in several places.
_SCAN = 2 * PAGE
# Above every byte of a text in UTF-8.
_HIGHEST = b"\xff"
# Members of more private rooms are looked for among the rooms, and not the rooms among theirs.
_FEW = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Rooms, and what to ask for to get those after them; empty where there are none."""

    rooms: list[Room]
    next: str = ""


def page(visitor: Visitor, query: str = "", after: str = "", *, few: int = _FEW) -> Page:
    """The rooms that a visitor may enter, by name; or those whose name or title has the words."""
    text = folded(query[: 4 * SEARCH_LIMIT])[:SEARCH_LIMIT].rstrip()
    if query.strip() and not text:
        return Page([])
    prefix = text.encode() or LIST
    opened = _Opened(visitor, few)
    found = _found(visitor, prefix, max(prefix, _read(after)), few, opened.ids)
    ids = {room for _, room in found}
    rooms = _rooms(visitor, ids)
    rooms |= opened.among(ids - rooms.keys())
    shown: list[Room] = []
    for at, (key, pk) in enumerate(found):
        # One that fits in several places is found in the first.
        if pk in rooms and key == min(k for k in keys_of(rooms[pk]) if k.startswith(prefix)):
            shown.append(rooms[pk])
        if len(shown) == PAGE or at + 1 == _SCAN:
            more = at + 1 < len(found) or at + 1 == _SCAN
            return Page(shown, _written(key) if more else "")
    return Page(shown)


class _Opened:
    """What the project's rules open to a visitor (BUS_USER_ADAPTER), who is no member there."""

    def __init__(self, visitor: Visitor, most: int) -> None:
        self._user = None
        if visitor.user_id is not None and user_adapter.names_rooms():
            self._user = users.by_keys([visitor.key]).get(visitor.key)
        self.ids = set() if self._user is None else user_adapter.rooms_of(self._user, most)

    def among(self, ids: set[int]) -> dict[int, Room]:
        """Those of these rooms; whether one is open, `role` has the last word."""
        if self._user is None or not ids & self.ids:
            return {}
        rooms = Room.objects.filter(archived_at__isnull=True).order_by().in_bulk(ids & self.ids)
        return {pk: r for pk, r in rooms.items() if user_adapter.role_of(self._user, r, None)}


def _rooms(visitor: Visitor, ids: set[int]) -> dict[int, Room]:
    """Those of these rooms that the visitor may enter: what says where they are may be behind."""
    allowed = Q(access=Room.Access.OPEN)
    if visitor.user_id is not None:
        theirs = Member.objects.filter(user=visitor.user_id, room__in=ids)
        allowed |= Q(access=Room.Access.PUBLIC) | Q(pk__in=theirs.values("room"))
    rooms = Room.objects.filter(allowed, archived_at__isnull=True)
    return rooms.defer("policy_parts", "conduct").order_by().in_bulk(ids)


def _found(
    visitor: Visitor, prefix: bytes, after: bytes, few: int, opened: set[int]
) -> list[tuple[bytes, int]]:
    """The keys that come next, and their rooms."""
    listings = Listing.objects.filter(key__gt=after).order_by("key")
    readable = [listings.filter(access=Room.Access.OPEN)]
    if visitor.user_id is not None:
        readable.append(listings.filter(access=Room.Access.PUBLIC))
        readable.append(_of_member(listings, prefix, visitor.user_id, few))
    if opened:
        readable.append(listings.filter(room__in=opened, key__lt=prefix + _HIGHEST))
    # A member's may be opened, too.
    found = {
        (bytes(key), room)
        for some in readable
        for key, room in some.values_list("key", "room")[:_SCAN]
    }
    # The end is not asked for: PostgreSQL, which cannot guess how much lies before it, would sort.
    return sorted(key_and_room for key_and_room in found if key_and_room[0].startswith(prefix))[
        :_SCAN
    ]


def _of_member(
    listings: QuerySet[Listing], prefix: bytes, user: Any, few: int
) -> QuerySet[Listing]:
    """Those of private rooms that the user is a member of."""
    theirs = Member.objects.filter(user=user, room__access=Room.Access.PRIVATE)
    rooms = list(theirs.values_list("room", flat=True)[: few + 1])
    if len(rooms) <= few:
        return listings.filter(room__in=rooms, key__lt=prefix + _HIGHEST)
    member = Exists(Member.objects.filter(user=user, room=OuterRef("room")))
    return listings.filter(member, access=Room.Access.PRIVATE)


def _written(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode("ascii").rstrip("=")


def _read(cursor: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (ValueError, binascii.Error):
        # Nobody wrote this here; the list begins at its beginning.
        return b""
