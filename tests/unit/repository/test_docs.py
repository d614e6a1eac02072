"""The docs name what the code has: reasons, parts of a policy, the tests of promises."""

import itertools
import re
import shlex

from bus.enforcement import room_settings
from bus.management.moderation_commands.arguments import pairs
from bus.moderation import POLICIES, Policy
from bus.moderation.policy.policy import PARTS
from bus.protocol.reasons import REASONS
from scripts.generate import ROOT


def test_every_reason_that_a_policy_acts_on_has_words_for_its_author() -> None:
    assert {reason for policy in POLICIES.values() for reason in policy.ladders} <= set(REASONS)


def test_the_examples_of_parts_and_conduct_are_taken() -> None:
    text = (ROOT / "docs" / "moderation.md").read_text("utf-8")
    conduct_table = section(text, "| `--conduct` |")
    examples = [example for row in conduct_table if (example := re.match(r"\| `(.*?)` \|", row))]
    named = [shlex.split(example[1])[0] for example in examples]
    assert room_settings.parse(pairs(named)).ladder
    assert {name.partition("=")[0] for name in named} == set(
        room_settings.RoomSettings.model_fields
    )

    taken = set()
    for row in section(text, "| part | example |"):
        names, values = (re.findall("`(.*?)`", cell) for cell in row.split(" | ")[:2])
        for name, value in itertools.product(names, values):
            Policy.from_parts(POLICIES["standard"], pairs([f"{name}={value}"]))
            taken.add(name)
    assert taken == set(PARTS)


def section(text: str, head: str) -> list[str]:
    """The rows of the table that begins with this head."""
    table = text[text.index(head) :].split("\n\n")[0]
    return table.splitlines()[2:]


def test_every_test_that_a_promise_names_is_there() -> None:
    text = (ROOT / "docs" / "delivery.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) > 10
    for file, function in named:
        source = (ROOT / file).read_text("utf-8")
        assert not function or f"def {function}(" in source, f"{file}::{function}"
