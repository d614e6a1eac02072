"""Stored messages as clients see them: models of what is stored are those that are checked."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bus.chat import history
from bus.models import Message
from bus.protocol import objects
from bus.protocol.events import MessagePosted, MessageSettled

_TIMES = st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2090, 1, 1), timezones=st.just(dt.UTC))
# As the database has it: no half characters.
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_NUMBERS = st.integers(1, 2**63 - 1)
ROWS = st.fixed_dictionaries(
    {
        "id": _NUMBERS,
        "seq": _NUMBERS,
        "changed": _NUMBERS,
        "status": st.sampled_from([*Message.Status, *Message.Status.values]),
        "author_key": st.sampled_from(["gabc", "sdeploy"]),
        "author_name": _TEXT,
        "client_id": _TEXT,
        "body": _TEXT,
        "reason": st.sampled_from(["", "author", "spam", "moderator"]),
        "reply_to_id": st.none() | _NUMBERS,
        "posted_at": _TIMES,
        "edited_at": st.none() | _TIMES,
        "removed_at": st.none() | _TIMES,
    }
)


@given(ROWS)
def test_a_message_is_the_model_that_is_checked(values: dict[str, Any]) -> None:
    found = history.protocol_message(Message(**values), "lobby")
    checked = objects.Message(**found.__dict__)
    assert found == checked
    assert found.model_fields_set == checked.model_fields_set
    assert MessagePosted.encode(found, "lobby", 7) == MessagePosted.encode(checked, "lobby", 7)


@given(ROWS)
def test_an_outcome_is_the_model_that_is_checked(values: dict[str, Any]) -> None:
    found = history.outcome(Message(**values))
    checked = objects.Outcome(**found.__dict__)
    assert found == checked
    assert type(found.status) is str
    assert found.model_fields_set == checked.model_fields_set
    assert MessageSettled.encode(found, "lobby") == MessageSettled.encode(checked, "lobby")
