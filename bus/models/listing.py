"""Where a room is found: in the list of rooms, and by a search."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol

from django.db import models

# What the keys of the list begin with, and no text that is searched for.
LIST = b"\0"
# Between the text of a key and the room that it belongs to; below every letter.
_END = b"\0"
# Longer texts are found by their beginning, in characters.
SEARCH_LIMIT = 40
_TEXT_LIMIT = 200
_BATCH = 2000


class Findable(Protocol):
    """A room, as far as it is found."""

    pk: int
    name: str
    title: str
    access: str
    archived_at: dt.datetime | None


class Listing(models.Model):
    """One place to find a room: under its name, or where a search may begin in its name or title.

    A room that is archived has none. Keys are bytes, which all databases sort alike.
    """

    room = models.ForeignKey("bus.Room", models.CASCADE, related_name="+", db_index=False)
    # As the room's.
    access = models.CharField(max_length=8)
    key = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=("room", "key"), name="listing_once")]
        indexes = [models.Index(fields=("access", "key"), name="listing_by_key")]

    def __str__(self) -> str:
        return f"room {self.room_id} under {bytes(self.key)!r}"


def add(rooms: Iterable[Findable]) -> None:
    """Let new rooms be found."""
    listings = (
        Listing(room_id=room.pk, access=room.access, key=key)
        for room in rooms
        for key in set(keys_of(room))
    )
    while batch := list(islice(listings, _BATCH)):
        Listing.objects.bulk_create(batch)


def renew(rooms: Iterable[Findable]) -> None:
    """Let rooms be found by what they are called now, and by nothing else."""
    left = iter(rooms)
    while batch := list(islice(left, _BATCH)):
        Listing.objects.filter(room__in=[room.pk for room in batch]).delete()
        add(batch)


def keys_of(room: Findable) -> Iterator[bytes]:
    """The keys of a room; none of one that is archived."""
    if room.archived_at is not None:
        return
    yield LIST + room.name.encode()
    end = _END + room.pk.to_bytes(8, "big")
    for text in (folded(room.name), folded(room.title)):
        for start in _starts(text):
            yield text[start : start + SEARCH_LIMIT].encode() + end


def folded(text: str) -> str:
    """A text as it is searched: in no case and of no width, its words with one space between."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words = "".join(" " if unicodedata.category(c)[0] in "CPZ" else c for c in text).split()
    return " ".join(words)[:_TEXT_LIMIT]


def _starts(text: str) -> Iterator[int]:
    """Where a search may begin: at words and numbers, and at each letter of a script without case.

    Such scripts write words together: 게시판 is found in 자유게시판.
    """
    before = " "
    for place, character in enumerate(text):
        kind = _kind(character)
        if kind not in " M" and (kind == "o" or kind != before):
            yield place
        if kind != "M":
            before = kind


def _kind(character: str) -> str:
    """`o` for what stands alone, else a letter, number, mark or space by Unicode's own letter."""
    category = unicodedata.category(character)
    if category == "Lo" or category[0] == "S":
        return "o"
    return " " if character == " " else category[0]
