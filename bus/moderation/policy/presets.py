"""The four policies that rooms start from."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bus.moderation.classifier import THRESHOLDS
from bus.moderation.policy.policy import Policy
from bus.moderation.policy.thresholds import NEVER, ActionThresholds, ModelThresholds
from bus.moderation.verdict import Action

_TOO_LONG: Final = ActionThresholds(reject=1)
# A person looks before anybody reads it.
_WORST: Final = dict.fromkeys(
    ("exploitation", "threat", "doxxing", "drugs", "fraud"), ActionThresholds(hold=1)
)


def _thresholds(**ladders: ActionThresholds) -> Mapping[str, ActionThresholds]:
    return MappingProxyType({"too_long": _TOO_LONG, **ladders})


_NOBODYS_BUSINESS: Final = ("card", "resident", "api_key", "private_key")
_SECRET: Final = (*_NOBODYS_BUSINESS, "iban", "national_id", "password")
_REACHES: Final = ("phone", "email", "address")


def _masks(*kinds: str) -> Mapping[str, Action]:
    return MappingProxyType(dict.fromkeys(kinds, "mask"))


_OFF: Final = Policy("off", _thresholds(new_member=ActionThresholds(hold=1)))
_RELAXED: Final = Policy(
    "relaxed",
    _thresholds(
        blocked_word=ActionThresholds(mask=3, reject=5),
        harassment=ActionThresholds(alert=3, hold=4, reject=5),
        crisis=ActionThresholds(alert=1),
        **_WORST,
        link=ActionThresholds(reject=4),
        spam=ActionThresholds(hold=3),
        mentions=ActionThresholds(hold=2),
        flood=ActionThresholds(hold=2),
        new_member=ActionThresholds(hold=1),
        model=ActionThresholds(alert=1, hold=2),
    ),
    personal=_masks(*_NOBODYS_BUSINESS),
    max_mentions=20,
    max_links=20,
    model=ModelThresholds(alert=THRESHOLDS["relaxed"], hold=NEVER),
)
# Links: 1 plain, 2 a shortener, an invitation, a disguised address or the first thing that somebody
# says, 3 a host that poses, 4 a host that the room denies.
_STANDARD: Final = Policy(
    "standard",
    _thresholds(
        blocked_word=ActionThresholds(mask=2, reject=3),
        harassment=ActionThresholds(alert=2, reject=3),
        crisis=ActionThresholds(alert=1),
        **_WORST,
        link=ActionThresholds(hold=2, reject=4),
        spam=ActionThresholds(hold=2, reject=3),
        mentions=ActionThresholds(reject=2),
        flood=ActionThresholds(hold=2),
        new_member=ActionThresholds(hold=1),
        model=ActionThresholds(alert=1, hold=2),
    ),
    personal=_masks(*_SECRET),
    model=ModelThresholds(alert=THRESHOLDS["standard"], hold=0.98),
)
_STRICT: Final = Policy(
    "strict",
    _thresholds(
        blocked_word=ActionThresholds(reject=1),
        harassment=ActionThresholds(hold=2, reject=3),
        crisis=ActionThresholds(alert=1),
        **_WORST,
        link=ActionThresholds(hold=1, reject=3),
        spam=ActionThresholds(hold=1, reject=3),
        mentions=ActionThresholds(reject=2),
        flood=ActionThresholds(hold=1),
        new_member=ActionThresholds(hold=1),
        capitals=ActionThresholds(alert=1),
        emoji=ActionThresholds(alert=1),
        model=ActionThresholds(alert=1, hold=2),
    ),
    personal=_masks(*_SECRET, *_REACHES),
    max_mentions=5,
    max_links=3,
    max_capitals=80,
    max_emoji=20,
    flood_messages=8,
    model=ModelThresholds(alert=THRESHOLDS["strict"], hold=0.9),
)
POLICIES: Final[Mapping[str, Policy]] = MappingProxyType(
    {policy.name: policy for policy in (_OFF, _RELAXED, _STANDARD, _STRICT)}
)
