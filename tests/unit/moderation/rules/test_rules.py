"""The registry of rules."""

import re
from pathlib import Path
from pkgutil import iter_modules
from textwrap import dedent
from typing import Any

from bus.moderation import POLICIES, Context, rules
from bus.moderation.rules import RULES
from bus.moderation.text.normalise import normalise

GUIDE = Path(__file__).resolve().parents[4] / "docs" / "how-to" / "rule.md"


def test_each_module_is_a_rule() -> None:
    named = [rule.__module__.rsplit(".", 1)[1] for rule in RULES]
    # The classifier is asked by the engine, about what no rule is certain of.
    assert sorted([*named, "classifier"]) == [
        module.name for module in iter_modules(rules.__path__)
    ]


def test_the_rule_of_the_guide_works() -> None:
    code = re.search(
        r"(?m)^    # bus/moderation/rules/(?:.*\n(?=    |\n))+.*\n", GUIDE.read_text("utf-8")
    )
    assert code is not None
    module: dict[str, Any] = {}
    exec(dedent(code[0]), module)
    found = module["find"](normalise("what!!!!!!!!!!!"), POLICIES["standard"], Context())
    assert [(hit.rule, hit.matched) for hit in found] == [("shouting", "what!!!!!!!!!!!")]
    assert module["find"](normalise("what!"), POLICIES["standard"], Context()) == []
