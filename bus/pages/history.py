"""The newest messages as rows of the first paint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.pages.code_blocks import Block, blocks
from bus.protocol.objects import Message

FOLLOWS_WITHIN = timedelta(minutes=5)
HUES = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One message as the template shows it; `room/row.js` makes the same ones."""

    id: str
    seq: int
    changed: int
    author_id: str
    author: str
    avatar_url: str | None
    profile_url: str | None
    initial: str
    hue: int
    is_mine: bool
    blocks: list[Block]
    # As it was written, where that is not what is shown.
    source: str
    posted_at: datetime
    removed: bool
    edited: bool
    follows: bool


def rows_of(messages: Iterable[Message], visitor_id: int | str) -> list[Row]:
    """Rows for messages, oldest first."""
    rows: list[Row] = []
    for message in messages:
        rows.append(_row(message, str(visitor_id), rows[-1] if rows else None))
    return rows


def _row(message: Message, visitor_id: str, before: Row | None) -> Row:
    author, name = message.author.id, message.author.name
    # Backend services have names alone.
    author_id = f"s{name}" if author is None else str(author)
    parts = blocks(message.body)
    posted_at = datetime.fromisoformat(message.posted_at)
    return Row(
        id=message.id,
        seq=message.seq,
        changed=message.changed,
        author_id=author_id,
        author=name,
        avatar_url=message.author.avatar_url,
        profile_url=message.author.profile_url,
        initial=name[:1].upper(),
        hue=sum(map(ord, name)) % HUES,
        is_mine=author_id == visitor_id,
        blocks=parts,
        source=message.body if any(part.code for part in parts) else "",
        posted_at=posted_at,
        removed=message.removed,
        edited=message.edited,
        follows=(
            before is not None
            and before.author_id == author_id
            and posted_at - before.posted_at < FOLLOWS_WITHIN
        ),
    )
