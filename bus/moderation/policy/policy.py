"""What a room does about what the rules find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Final

from bus.moderation.links.hosts import RoomHosts, room_hosts
from bus.moderation.policy import schema
from bus.moderation.policy.thresholds import ActionThresholds, ModelThresholds
from bus.moderation.verdict import Action
from bus.moderation.words.custom_lists import CustomLists, compiled

_ALLOW: Final = ActionThresholds()
# Reasons for which nobody needs to read a text.
_UNREAD: Final = frozenset({"too_long", "new_member"})


@dataclass(frozen=True, slots=True)
class Policy:
    """A room's limits, lists, and thresholds of actions for each reason; other reasons are allowed.

    Each field but the name is a part that a room may change; `from_parts` reads it from JSON.
    """

    name: str
    # By the least severity for each action; operators and stored policies call them ladders.
    ladders: Mapping[str, ActionThresholds] = field(default_factory=lambda: MappingProxyType({}))
    # Characters.
    max_length: int = 2000
    # Names called in one message.
    max_mentions: int = 10
    # Times that a message may be said again before it is spam.
    max_repeats: int = 2
    # Addresses in one message.
    max_links: int = 10
    # Percent of the letters of a longer message that may be capitals.
    max_capitals: int = 100
    # Emoji in one message.
    max_emoji: int = 100
    # Messages by one author within `flood_seconds`; 0: as many as they like.
    flood_messages: int = 0
    flood_seconds: int = 10
    # Accounts younger than this have the limits of new members; 0: nobody is new.
    new_seconds: int = 0
    new_max_links: int = 0
    new_max_mentions: int = 2
    # Raid mode: everything from accounts younger than this is held; 0: off.
    raid_seconds: int = 0
    # From this many strikes on, what would be posted with an alert or a mask is held; 0: off.
    strikes_to_hold: int = 0
    # Roles whose messages are judged by their length alone.
    exempt: frozenset[str] = frozenset()
    # The room's own words: `word` by itself, `word*` opens a word, `*word*` anywhere.
    words: tuple[str, ...] = ()
    # How severe the room's own words and patterns are, 1 to 5.
    own_severity: int = 3
    # Words and phrases in which nothing is found.
    allowed: tuple[str, ...] = ()
    # The room's own patterns, in RE2's syntax.
    patterns: tuple[str, ...] = ()
    # Hosts that may always be linked to, and never; those below them too.
    allow_hosts: tuple[str, ...] = ()
    deny_hosts: tuple[str, ...] = ()
    # The model's thresholds; None: the rules alone.
    model: ModelThresholds | None = None
    custom: CustomLists = field(init=False, repr=False, compare=False)
    hosts: RoomHosts = field(init=False, repr=False, compare=False)
    # Whether anything comes of what the rules find in a text.
    reads: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reads", not self.ladders.keys() <= _UNREAD)
        custom = compiled(self.words, self.allowed, self.patterns)
        object.__setattr__(self, "custom", custom)
        object.__setattr__(self, "hosts", room_hosts(self.deny_hosts, self.allow_hosts))

    def action(self, reason: str, severity: int) -> Action:
        """What this room does about a hit."""
        return self.ladders.get(reason, _ALLOW).action(severity)

    @staticmethod
    def from_parts(base: Policy, changes: Mapping[str, object]) -> Policy:
        """The base with some parts changed, as JSON holds them; ValueError names a wrong part."""
        read = {name: schema.read(name, value) for name, value in changes.items()}
        if "ladders" in read:
            read["ladders"] = MappingProxyType({**base.ladders, **read["ladders"]})
        return replace(base, **read)

    def as_parts(self) -> dict[str, object]:
        """Every part as JSON holds it; `from_parts` of any base and this is the same policy."""
        return {
            part.name: schema.written(getattr(self, part.name))
            for part in fields(self)
            if part.init and part.name != "name"
        }
