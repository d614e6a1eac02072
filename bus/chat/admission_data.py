"""What must be known to let many into one room, read at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from django.db.models import Q

from bus.chat import clock, guest_networks, room_rights, rooms
from bus.chat.room_rights import Rights
from bus.chat.visitors import Visitor
from bus.models import Room, Sanction


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


def read(name: str, keys: Collection[str]) -> AdmissionData:
    """The facts for these authors and for all guests."""
    room = rooms.visited(name)
    now = Q(until__isnull=True) | Q(until__gt=clock.now())
    sanctions = Sanction.objects.filter(now, room=room, lifted_at__isnull=True)
    asked = {key for key in keys if room.newcomer_wait or not key.startswith("g")}
    asked.update(sanctions.filter(author_key__startswith="g").values_list("author_key", flat=True))
    found = room_rights.rights({room: asked}, here=True) if asked else {}
    facts = AdmissionData(room, {key: rights for (_, key), rights in found.items()})
    for digest, sanction in guest_networks.in_force([room]):
        facts.networks.setdefault(digest, []).append(sanction)
    return facts
