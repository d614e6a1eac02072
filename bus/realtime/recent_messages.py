"""The newest messages of one room, ready for its clients: what answers a storm of joins."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from pydantic_core import from_json, to_json

from bus.conf import conf
from bus.posting.catch_up import Snapshot
from bus.protocol import user_ids
from bus.protocol.objects import Message as ProtocolMessage

# Events are taken in when somebody asks, or when this many wait.
_WAITING = 256
# Different answers that are kept: those who come back together ask for the same few.
_ANSWERS = 16


class _Kept(NamedTuple):
    """One message in its present state."""

    id: str
    seq: int
    # The seq of its newest change.
    changed: int
    json: bytes


class EncodedRecovery(NamedTuple):
    """As posting.catch_up.Recovery, its messages as the JSON array that goes to clients."""

    head: int
    recovered: bool
    messages: bytes


class RecentMessages:
    """The messages that changed last; it follows the room's events, and edits and removals with
    them, so that no text that was taken back is in it."""

    def __init__(self) -> None:
        self.loaded = False
        # Goes up when what is being read may say an old name.
        self.edition = 0
        # The newest seq that is taken in; all that changed after `_base` is there, and all that was
        # posted after `_floor`.
        self.head = 0
        self._base = 0
        self._floor = 0
        self._messages: dict[str, _Kept] = {}
        self._size = 0
        # Events that are not taken in yet.
        self._waiting: list[tuple[int, bytes]] = []
        # Answers that were given since the last event.
        self._answers: dict[tuple[str, int], bytes] = {}

    @property
    def size(self) -> int:
        """What it takes, in bytes, or somewhat more."""
        answers = sum(map(len, self._answers.values()))
        return self._size + 200 * len(self._messages) + answers

    def expect_snapshot(self) -> None:
        """Keep events from now on: a snapshot is on its way."""
        self._waiting.clear()

    def load(self, snapshot: Snapshot) -> None:
        """Begin with what the database had."""
        self.head, self._base, self._floor = snapshot.head, snapshot.base, snapshot.floor
        self._messages = {message.id: _kept(message) for message in snapshot.messages}
        self._size = sum(len(kept.json) for kept in self._messages.values())
        self._answers.clear()
        self.loaded = True
        self._apply_waiting()

    def drop(self) -> None:
        """Keep nothing."""
        self.loaded = False
        self._messages.clear()
        self._waiting.clear()
        self._answers.clear()
        self._size = 0

    def forget_authors(self, keys: Collection[str]) -> None:
        """Keep nothing that says the names of these users."""
        self.edition += 1
        users = [user for user in map(user_ids.user_of, keys) if user is not None]
        said = [b'"author":{"id":%b,' % to_json(user_ids.public_id(user)) for user in users]
        self._apply_waiting()
        if any(author in kept.json for kept in self._messages.values() for author in said):
            self.drop()

    def add_event(self, seq: int, frame: bytes) -> None:
        """The next event of the room."""
        self._waiting.append((seq, frame))
        if len(self._waiting) > _WAITING:
            if self.loaded:
                self._apply_waiting()
            else:
                # Nobody reads a snapshot; one that is on its way will be too old.
                del self._waiting[: -_WAITING // 2]

    def covers(self, seq: int) -> bool:
        """Whether it knows all up to a seq; else it missed something, and may say what is gone."""
        self._apply_waiting()
        return self.loaded and self.head >= seq

    def answer(self, since: int | None, limit: int | None) -> EncodedRecovery | None:
        """What a `room.join` is answered; None where only the database knows."""
        self._apply_waiting()
        if not self.loaded:
            return None
        recovered = since is None
        if since is not None and 0 <= self.head - since <= min(self.head, conf.recovery_limit):
            recovered = True
            messages = self._changed_after(since)
        else:
            messages = self._newest(min(limit or 50, conf.page_limit))
        return None if messages is None else EncodedRecovery(self.head, recovered, messages)

    def _changed_after(self, since: int) -> bytes | None:
        if since < self._base:
            return None
        found = self._answers.get(("since", since))
        if found is None:
            changed = [kept for kept in self._messages.values() if kept.changed > since]
            changed.sort(key=lambda kept: kept.changed)
            found = self._remember(("since", since), changed)
        return found

    def _newest(self, count: int) -> bytes | None:
        found = self._answers.get(("newest", count))
        if found is None:
            # An older one is here only since it changed; others of its age are not.
            kept = [kept for kept in self._messages.values() if kept.seq > self._floor]
            if len(kept) < count and self._floor:
                return None
            kept.sort(key=lambda kept: kept.seq)
            found = self._remember(("newest", count), kept[-count:])
        return found

    def _remember(self, asked: tuple[str, int], messages: Iterable[_Kept]) -> bytes:
        """Encode an answer for all who ask the same."""
        if len(self._answers) >= _ANSWERS:
            del self._answers[next(iter(self._answers))]
        found = self._answers[asked] = _array(messages)
        return found

    def _apply_waiting(self) -> None:
        if not self._waiting or not self.loaded:
            return
        waiting, self._waiting = self._waiting, []
        self._answers.clear()
        for seq, frame in waiting:
            if seq <= self.head:
                continue
            if seq != self.head + 1:
                # Something was skipped that nobody has, or that was too much to wait for.
                self.drop()
                return
            self.head = seq
            try:
                self._apply(seq, from_json(frame))
            except (ValueError, KeyError, TypeError, AttributeError):
                # An event of a shape that is not known: the database knows what it changed.
                self.drop()
            if not self.loaded:
                return
        self._trim()

    def _apply(self, seq: int, event: dict[str, Any]) -> None:
        data = event["data"]
        kind = event["type"]
        old = self._messages.pop(data.get("id", ""), None)
        if old is not None:
            self._size -= len(old.json)
        if kind in ("message.posted", "message.edited"):
            self._keep(_Kept(data["id"], data["seq"], max(seq, data["changed"]), to_json(data)))
        elif kind == "message.removed" and old is not None:
            message = from_json(old.json)
            message |= {"body": "", "removed": True, "changed": seq}
            if "removed_by" in message:
                message["removed_by"] = data.get("by")
            self._keep(_Kept(old.id, old.seq, seq, to_json(message)))
        else:
            # A change of something that is not here: who asks next reads anew, once for all.
            self.drop()

    def _keep(self, message: _Kept) -> None:
        self._messages[message.id] = message
        self._size += len(message.json)

    def _trim(self) -> None:
        excess = len(self._messages) - conf.recovery_limit - conf.page_limit
        if excess > 0:
            by_seq = sorted(self._messages.values(), key=lambda kept: kept.seq)
            # The newest page stays, however much older ones are changed.
            old = by_seq[: len(by_seq) - conf.page_limit]
            for oldest in sorted(old, key=lambda kept: kept.changed)[:excess]:
                del self._messages[oldest.id]
                self._size -= len(oldest.json)
                self._base = max(self._base, oldest.changed)
                self._floor = max(self._floor, oldest.seq)


def _kept(message: ProtocolMessage) -> _Kept:
    return _Kept(message.id, message.seq, message.changed, message.model_dump_json().encode())


def _array(messages: Iterable[_Kept]) -> bytes:
    return b"[" + b",".join([message.json for message in messages]) + b"]"
