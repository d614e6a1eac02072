"""The registry of rules."""

from pkgutil import iter_modules

from bus.moderation import rules
from bus.moderation.rules import RULES


def test_each_module_is_a_rule() -> None:
    named = [rule.__module__.rsplit(".", 1)[1] for rule in RULES]
    # The classifier is asked by the engine, about what no rule is certain of.
    assert sorted([*named, "classifier"]) == [
        module.name for module in iter_modules(rules.__path__)
    ]
