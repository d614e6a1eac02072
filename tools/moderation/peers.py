"""Other chat filters that can be installed, each behind the same question."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Final

# Whether a filter objects to a text.
Filter = Callable[[str], bool]


def _better_profanity(module: ModuleType) -> Filter:
    module.profanity.load_censor_words()
    return lambda text: bool(module.profanity.contains_profanity(text))


def _alt_profanity_check(module: ModuleType) -> Filter:
    return lambda text: bool(module.predict([text])[0])


def _korcen(module: ModuleType) -> Filter:
    return lambda text: bool(module.korcen.check(text))


def _glin_profanity(module: ModuleType) -> Filter:
    made = module.Filter({"languages": ["english", "korean"], "detect_leetspeak": True})
    return lambda text: bool(made.is_profane(text))


# What pip calls it, what Python imports, and how it is asked.
PEERS: Final[dict[str, tuple[str, Callable[[ModuleType], Filter]]]] = {
    "better-profanity": ("better_profanity", _better_profanity),
    "alt-profanity-check": ("profanity_check", _alt_profanity_check),
    "glin-profanity": ("glin_profanity", _glin_profanity),
    "korcen": ("korcen", _korcen),
}


def installed() -> tuple[dict[str, Filter], list[str]]:
    """The peers that are here, ready to be asked, and the names of those that are not."""
    here: dict[str, Filter] = {}
    missing: list[str] = []
    for name, (module, adapter) in PEERS.items():
        try:
            here[name] = adapter(importlib.import_module(module))
        except ImportError:
            missing.append(name)
    return here, missing
