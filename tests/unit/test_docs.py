"""The docs name what the code has: settings, commands, events, objects, channel messages, codes."""

import re

import pytest

from bus.moderation import POLICIES
from bus.reasons import REASONS
from scripts import docs


@pytest.mark.parametrize("name", docs.FILES)
def test_the_tables_are_up_to_date(name: str) -> None:
    text = (docs.ROOT / "docs" / name).read_text("utf-8")
    assert text == docs.render(text), "run `make docs`"


def test_every_table_of_the_docs_is_made() -> None:
    text = (docs.ROOT / "docs" / "protocol.md").read_text("utf-8")
    for needle in ("`message.send`", "`message.settled`", "`rate_limited`", "`event.requested`"):
        assert needle in text


def test_every_reason_that_a_policy_acts_on_has_words_for_its_author() -> None:
    assert {reason for policy in POLICIES.values() for reason in policy.ladders} <= set(REASONS)


def test_every_test_that_a_promise_names_is_there() -> None:
    text = (docs.ROOT / "docs" / "delivery.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) > 10
    for file, function in named:
        source = (docs.ROOT / file).read_text("utf-8")
        assert not function or f"def {function}(" in source, f"{file}::{function}"
