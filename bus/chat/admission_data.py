"""What must be known to let many into many rooms, read at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from django.db.models import Q

from bus.chat import clock, guest_networks, room_rights, rooms
from bus.chat.room_rights import Rights
from bus.chat.visitors import Visitor
from bus.models import Room, Sanction
from bus.protocol.errors import Conflict


@dataclass(slots=True)
class AdmissionData:
    """A room, the rights of those who were asked for, and of every guest with a sanction."""

    room: Room
    known: dict[str, Rights] = field(default_factory=dict)
    # By what stands for a network: the sanctions that hold for every guest from there.
    networks: dict[str, list[Sanction]] = field(default_factory=dict)

    def knows(self, key: str) -> bool:
        """Whether the rights of this author can be told.

        Those of guests can without being asked for, but where newcomers wait.
        """
        return key in self.known or (key.startswith("g") and not self.room.newcomer_wait)

    def rights(self, visitor: Visitor) -> Rights:
        """What a visitor may do in the room."""
        known = self.known.get(visitor.key) or Rights(self.room, visitor.key)
        if visitor.network not in self.networks:
            return known
        right = replace(known)
        for sanction in self.networks[visitor.network]:
            right.inherit(sanction)
        return right


# The name of a room that is visited, and the authors of whom something is asked.
Asked = tuple[str, frozenset[str]]


def read(asked: Collection[Asked]) -> dict[Asked, AdmissionData | Conflict]:
    """The facts for the authors of each room and for all guests, or what `rooms.visited` raises.

    However many rooms there are, they are read by as many queries as one.
    """
    visited = rooms.visited_many({name for name, _ in asked})
    found: dict[Asked, AdmissionData | Conflict] = {}
    stored: dict[int, AdmissionData] = {}
    authors: dict[Room, set[str]] = {}
    for name, wanted in asked:
        room = visited[name]
        if isinstance(room, Conflict):
            found[name, wanted] = room
            continue
        # Two spellings may be one room.
        facts = stored.get(room.pk) or AdmissionData(room)
        keys = {key for key in wanted if room.newcomer_wait or not key.startswith("g")}
        found[name, wanted] = facts
        if room.pk:
            stored[room.pk] = facts
            authors.setdefault(room, set()).update(keys)
        elif keys:
            # Nothing is stored of it, and all such rooms have one number.
            facts.known.update(_by_key(room_rights.rights({room: keys})))
    if stored:
        _add_stored(stored, authors)
    return found


def _add_stored(stored: Mapping[int, AdmissionData], authors: Mapping[Room, set[str]]) -> None:
    now = Q(until__isnull=True) | Q(until__gt=clock.now())
    sanctions = Sanction.objects.filter(now, room__in=stored, lifted_at__isnull=True)
    guests = sanctions.filter(author_key__startswith="g").values_list("room_id", "author_key")
    sanctioned: dict[int, set[str]] = {}
    for room_id, key in guests:
        sanctioned.setdefault(room_id, set()).add(key)
    wanted = {room: keys | sanctioned.get(room.pk, set()) for room, keys in authors.items()}
    wanted = {room: keys for room, keys in wanted.items() if keys}
    for (room_id, key), rights in room_rights.rights(wanted, here=True).items() if wanted else ():
        stored[room_id].known[key] = rights
    for digest, sanction in guest_networks.in_force(facts.room for facts in stored.values()):
        stored[sanction.room_id].networks.setdefault(digest, []).append(sanction)


def _by_key(found: Mapping[tuple[int, str], Rights]) -> dict[str, Rights]:
    return {key: rights for (_, key), rights in found.items()}
