"""The parts of a policy as JSON holds them: read with every wrong value refused, and written."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from bus.moderation.language.signs import signs
from bus.moderation.personal.kinds import KINDS
from bus.moderation.policy.thresholds import NEVER, ActionThresholds, ModelThresholds
from bus.moderation.reasons import FORMER, REASONS
from bus.moderation.verdict import ACTIONS, Action
from bus.moderation.words.custom_lists import checked_patterns, checked_words

# Those that a context may have.
_ROLES: Final = ("owner", "moderator", "member", "guest", "service")
# No message holds them, and no database takes them all.
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]").search
_MOST_HOSTS: Final = 1_000
# What may be done about personal data, by its name in the part.
_OF_PERSONAL: Final[Mapping[str, Action]] = MappingProxyType(
    {"off": "allow", "mask": "mask", "hold": "hold"}
)
YEAR: Final = 366 * 24 * 3600


def whole(least: int, most: int) -> Callable[[object], int]:
    """A reader of whole numbers in this range."""

    def read_whole(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most} is wanted")
        return value

    return read_whole


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise ValueError("a list of strings is wanted")
    for number, item in enumerate(value, start=1):
        if found := _UNSEEN(item):
            raise ValueError(
                f"string {number} holds U+{ord(found[0]):04X}, a control character or half of a"
                " surrogate pair"
            )
    return tuple(value)


def words(value: object) -> tuple[str, ...]:
    """Words of the room, as `checked_words` takes them."""
    return checked_words(_strings(value))


def languages(value: object) -> tuple[str, ...]:
    """Languages that the lists know, each once."""
    named = _strings(value)
    known = sorted(signs().languages)
    for name in named:
        if name not in known:
            raise ValueError(f"no language {name!r}; there are {', '.join(known)}")
    return tuple(dict.fromkeys(named))


def patterns(value: object) -> tuple[str, ...]:
    """Patterns of the room, as `checked_patterns` takes them."""
    return checked_patterns(_strings(value))


def hosts(value: object) -> tuple[str, ...]:
    """Names of hosts, in lower case."""
    named = tuple(name.strip().lower().removeprefix("*.").strip(".") for name in _strings(value))
    if len(named) > _MOST_HOSTS:
        raise ValueError(f"{len(named):,} hosts, {_MOST_HOSTS:,} at most")
    wrong = [name for name in named if not name or set(name) & set("/:@ *")]
    if wrong:
        raise ValueError(f"not the name of a host: {wrong[0]!r} (write example.com)")
    return named


def roles(value: object) -> frozenset[str]:
    """Roles in a room."""
    named = _strings(value)
    for role in named:
        if role not in _ROLES:
            raise ValueError(f"no role {role!r}; there are {', '.join(_ROLES)}")
    return frozenset(named)


def _severity(value: object) -> int:
    if value is None:
        return NEVER
    return whole(1, 5)(value)


def personal(value: object) -> Mapping[str, Action]:
    """An object of kinds of personal data, each with what is done about it; off is allow."""
    if not isinstance(value, Mapping):
        raise ValueError("an object of kinds is wanted")
    read: dict[str, Action] = {}
    for kind, action in value.items():
        if kind not in KINDS:
            raise ValueError(f"no kind {kind!r}; there are {', '.join(KINDS)}")
        if not isinstance(action, str) or action not in _OF_PERSONAL:
            raise ValueError(f"{kind}: no action {action!r}; there are {', '.join(_OF_PERSONAL)}")
        read[kind] = _OF_PERSONAL[action]
    return MappingProxyType(read)


def _thresholds_of(reason: str, value: object) -> ActionThresholds:
    if reason not in REASONS:
        raise ValueError(f"no reason {reason!r}; there are {', '.join(REASONS)}")
    if reason == "personal":
        raise ValueError("personal: it has a part of its own, `personal`")
    actions = REASONS[reason].actions
    if not isinstance(value, Mapping):
        raise ValueError(f"{reason}: an object of actions and severities is wanted")
    for action in value:
        if action not in actions:
            raise ValueError(f"{reason}: no action {action!r}; there are {', '.join(actions)}")
    try:
        return ActionThresholds(
            **{action: _severity(severity) for action, severity in value.items()}
        )
    except ValueError as error:
        raise ValueError(f"{reason}: {error}, or null for never") from error


def _former(steps: object) -> object:
    """What stored policies do about a reason of a former name, which they could mask and reject.

    A person looks instead.
    """
    if not isinstance(steps, Mapping):
        return steps
    harder = [steps[action] for action in ("mask", "hold", "reject") if action in steps]
    held = [severity for severity in harder if isinstance(severity, int)]
    kept = {a: severity for a, severity in steps.items() if a not in ("mask", "hold", "reject")}
    return {**kept, "hold": min(held)} if held else kept


def thresholds(value: object) -> Mapping[str, ActionThresholds]:
    """An object of reasons, each with the least severity for each action."""
    if not isinstance(value, Mapping):
        raise ValueError("an object of reasons is wanted")
    named = {FORMER[reason]: _former(steps) for reason, steps in value.items() if reason in FORMER}
    named |= {reason: steps for reason, steps in value.items() if reason not in FORMER}
    return MappingProxyType(
        {reason: _thresholds_of(reason, steps) for reason, steps in named.items()}
    )


def model_thresholds(value: object) -> ModelThresholds | None:
    """The model's thresholds; None where the model is not asked."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != {"alert", "hold"}:
        raise ValueError('{"alert": …, "hold": …} is wanted, or null')
    numbers = {}
    for name, threshold in value.items():
        if threshold is None:
            threshold = NEVER
        if isinstance(threshold, bool) or not isinstance(threshold, (int, float)):
            raise ValueError(f"{name}: a number from 0 to 1 is wanted, or null for never")
        if not 0 < threshold <= 1 and threshold != NEVER:
            raise ValueError(f"{name}: a number above 0 up to 1 is wanted, or null for never")
        numbers[name] = float(threshold)
    return ModelThresholds(**numbers)


def written(value: object) -> object:
    """A part's value as JSON holds it."""
    if isinstance(value, Mapping):
        return {key: written(inner) for key, inner in value.items()}
    if value == "allow":
        return "off"
    if isinstance(value, ActionThresholds):
        steps = {action: getattr(value, action) for action in ACTIONS[1:]}
        return {action: step for action, step in steps.items() if step != NEVER}
    if isinstance(value, ModelThresholds):
        steps = {"alert": value.alert, "hold": value.hold}
        return {action: step if step <= 1 else None for action, step in steps.items()}
    if isinstance(value, (tuple, frozenset)):
        return sorted(value) if isinstance(value, frozenset) else list(value)
    return value
