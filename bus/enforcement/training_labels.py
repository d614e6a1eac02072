"""Labels: what moderators' decisions say about texts, to train the model on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from bus.models import Label, Message

# The reasons of messages that their author has taken back.
_TAKEN_BACK = ("author", "withdrawn")


def labelled() -> Iterable[tuple[int, str]]:
    """Each decided text as its author wrote it, 1 where it was found bad; in order of decision.

    Not what its author removed since: nobody is to read that again. Read bit by bit.
    """
    kept = Label.objects.exclude(message__reason__in=_TAKEN_BACK).exclude(text="")
    rows = kept.order_by("decided_at", "pk").values_list("bad", "text")
    return _pairs(rows.iterator(chunk_size=2000))


def _pairs(rows: Iterator[tuple[bool, str]]) -> Iterator[tuple[int, str]]:
    for bad, text in rows:
        yield int(bad), text


def note(row: Message, *, bad: bool, at: dt.datetime) -> None:
    """Keep what a moderator decided; a later decision on the same message replaces it.

    A decision on a text that is gone says nothing.
    """
    text = as_written(row)
    if not text:
        return
    values = {"text": text, "bad": bad, "decided_at": at}
    Label.objects.update_or_create(message=row, defaults=values)


def forget(row: Message) -> None:
    """Take back what a decision said, because it was undone."""
    Label.objects.filter(message=row).delete()


def as_written(row: Message) -> str:
    """The text that was judged, which may stand masked in the room; without personal data."""
    return row.as_reviewed
