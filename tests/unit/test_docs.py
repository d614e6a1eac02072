"""The docs name what the code has: settings, commands, events, objects, channel messages, codes."""

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
