"""The rules, found by themselves: each module here has a `find` and is one rule of that name."""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from typing import Final

from bus.moderation.context import Context
from bus.moderation.normalise import Normal
from bus.moderation.policy import Policy
from bus.moderation.verdict import Hit

# Looks at one normalised text and tells what it found, in offsets of the text as written.
Rule = Callable[[Normal, Policy, Context], Iterable[Hit]]


def _discover() -> tuple[Rule, ...]:
    """The `find` of every module in this package, by name of the module."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").find for name in names)


RULES: Final = _discover()
