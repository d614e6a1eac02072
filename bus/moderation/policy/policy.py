"""What a room does about what the rules find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from bus.moderation.links.hosts import RoomHosts, room_hosts
from bus.moderation.policy import schema
from bus.moderation.policy.thresholds import ActionThresholds, ModelThresholds
from bus.moderation.verdict import Action, Hit
from bus.moderation.words.custom_lists import CustomLists, compiled

_ALLOW: Final = ActionThresholds()
# Reasons for which nobody needs to read a text.
_UNREAD: Final = frozenset({"too_long", "new_member"})


@dataclass(frozen=True, slots=True)
class Policy:
    """A room's limits, lists, and thresholds of actions for each reason; other reasons are allowed.

    A room may change each field that is annotated with the reader of its JSON; see `from_parts`.
    """

    name: str
    # By the least severity for each action; operators and stored policies call them ladders.
    ladders: Annotated[Mapping[str, ActionThresholds], schema.thresholds] = field(
        default_factory=lambda: MappingProxyType({})
    )
    # What is done about each kind of personal data; nothing about those that are not there.
    personal: Annotated[Mapping[str, Action], schema.personal] = field(
        default_factory=lambda: MappingProxyType({})
    )
    # Characters.
    max_length: Annotated[int, schema.whole(1, 100_000)] = 2000
    # Names called in one message.
    max_mentions: Annotated[int, schema.whole(0, 1_000)] = 10
    # Times that a message may be said again before it is spam.
    max_repeats: Annotated[int, schema.whole(0, 100)] = 2
    # Addresses in one message.
    max_links: Annotated[int, schema.whole(0, 1_000)] = 10
    # Percent of the letters of a longer message that may be capitals.
    max_capitals: Annotated[int, schema.whole(0, 100)] = 100
    # Emoji in one message.
    max_emoji: Annotated[int, schema.whole(0, 100_000)] = 100
    # Messages by one author within `flood_seconds`; 0: as many as they like.
    flood_messages: Annotated[int, schema.whole(0, 1_000)] = 0
    flood_seconds: Annotated[int, schema.whole(1, 3_600)] = 10
    # Accounts younger than this have the limits of new members; 0: nobody is new.
    new_seconds: Annotated[int, schema.whole(0, schema.YEAR)] = 0
    new_max_links: Annotated[int, schema.whole(0, 1_000)] = 0
    new_max_mentions: Annotated[int, schema.whole(0, 1_000)] = 2
    # Raid mode: everything from accounts younger than this is held; 0: off.
    raid_seconds: Annotated[int, schema.whole(0, schema.YEAR)] = 0
    # From this many strikes on, what would be posted with an alert or a mask is held; 0: off.
    strikes_to_hold: Annotated[int, schema.whole(0, 1_000)] = 0
    # Roles whose messages are judged by their length alone.
    exempt: Annotated[frozenset[str], schema.roles] = frozenset()
    # The room's own words: `word` by itself, `word*` opens a word, `*word*` anywhere.
    words: Annotated[tuple[str, ...], schema.words] = ()
    # How severe the room's own words and patterns are, 1 to 5.
    own_severity: Annotated[int, schema.whole(1, 5)] = 3
    # Words and phrases in which nothing is found.
    allowed: Annotated[tuple[str, ...], schema.words] = ()
    # What is spoken in the room, by two letters each; none: whatever anybody speaks.
    languages: Annotated[tuple[str, ...], schema.languages] = ()
    # The room's own patterns, in RE2's syntax.
    patterns: Annotated[tuple[str, ...], schema.patterns] = ()
    # Hosts that may always be linked to, and never; those below them too.
    allow_hosts: Annotated[tuple[str, ...], schema.hosts] = ()
    deny_hosts: Annotated[tuple[str, ...], schema.hosts] = ()
    # The model's thresholds; None: the rules alone.
    model: Annotated[ModelThresholds | None, schema.model_thresholds] = None
    custom: CustomLists = field(init=False, repr=False, compare=False)
    hosts: RoomHosts = field(init=False, repr=False, compare=False)
    # Whether anything comes of personal data.
    minds_personal: bool = field(init=False, repr=False, compare=False)
    # Whether anything comes of what the rules find in a text.
    reads: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        acts = any(action != "allow" for action in self.personal.values())
        object.__setattr__(self, "minds_personal", acts)
        object.__setattr__(self, "reads", acts or not self.ladders.keys() <= _UNREAD)
        custom = compiled(self.words, self.allowed, self.patterns)
        object.__setattr__(self, "custom", custom)
        object.__setattr__(self, "hosts", room_hosts(self.deny_hosts, self.allow_hosts))

    def action(self, hit: Hit) -> Action:
        """What this room does about a hit."""
        if hit.reason == "personal":
            return self.personal.get(hit.category, "allow")
        return self.ladders.get(hit.reason, _ALLOW).action(hit.severity)

    @staticmethod
    def from_parts(base: Policy, changes: Mapping[str, object]) -> Policy:
        """The base with some parts changed, as JSON holds them; ValueError names a wrong part."""
        read = {name: _read(name, value) for name, value in changes.items()}
        for name in ("ladders", "personal"):
            if name in read:
                read[name] = MappingProxyType({**getattr(base, name), **read[name]})
        return replace(base, **read)

    def as_parts(self) -> dict[str, object]:
        """Every part as JSON holds it; `from_parts` of any base and this is the same policy."""
        return {name: schema.written(getattr(self, name)) for name in PARTS}


# The parts that a room may change, each with the reader of its JSON.
PARTS: Final[Mapping[str, Callable[[object], Any]]] = MappingProxyType(
    {
        name: get_args(hint)[1]
        for name, hint in get_type_hints(Policy, include_extras=True).items()
        if get_origin(hint) is Annotated
    }
)


def _read(name: str, value: object) -> Any:
    """One part's value as a policy keeps it; ValueError says which part is wrong, and how."""
    reader = PARTS.get(name)
    if reader is None:
        raise ValueError(f"no part {name!r}; there are {', '.join(PARTS)}")
    try:
        return reader(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
