from __future__ import annotations

import inspect
import math
from typing import Any

import pytest

from bus.broker import BusChannelLayer
from bus.broker.errors import InvalidMessage
from bus.broker.send_options import Moment, SendArguments, SendOptions
from bus.messaging import sender


def test_what_the_door_takes_is_named_in_one_more_place_alone() -> None:
    door = inspect.signature(BusChannelLayer.send).parameters
    taken = {name for name, each in door.items() if each.kind is each.KEYWORD_ONLY}
    assert taken == set(SendArguments.__annotations__)
    made = set(inspect.signature(SendOptions.of).parameters) - {"idempotency_key"}
    assert made == taken
    for way in (sender.send, sender.send_raw):
        (passed,) = (
            each
            for each in inspect.signature(way).parameters.values()
            if each.kind is each.VAR_KEYWORD
        )
        assert passed.annotation == "Unpack[SendArguments]"


def test_a_time_has_one_form_behind_the_door() -> None:
    plain = SendOptions.of()
    assert (plain.due, plain.expires) == (None, None)
    both = SendOptions.of(not_before=5, delay=1.0001, expires_at=7, ttl=2)
    assert (both.due, both.expires) == (Moment("after", 1001), Moment("after", 2000))
    absolute = SendOptions.of(not_before=5, expires_at=-7)
    assert (absolute.due, absolute.expires) == (Moment("at", 5), Moment("at", 1))
    # A lifetime that is over is one; a delay that is over is none.
    over = SendOptions.of(delay=-1, ttl=-1)
    assert (over.due, over.expires) == (None, Moment("after", 0))


def test_a_time_that_is_further_than_the_scripts_read_is_as_far_as_they_do() -> None:
    far = SendOptions.of(delay=1e300, ttl=1e300)
    assert far.due == far.expires == Moment("after", 10**14)
    assert SendOptions.of(expires_at=10**40).expires == Moment("at", 10**14)


@pytest.mark.parametrize("name", ["delay", "ttl", "not_before", "expires_at"])
@pytest.mark.parametrize("wrong", [math.nan, math.inf, "soon"])
def test_what_is_no_time_is_refused(name: str, wrong: Any) -> None:
    with pytest.raises(InvalidMessage, match=f"{name}.* is a number of"):
        SendOptions.of(**{name: wrong})


def test_only_what_is_set_is_told_to_the_script() -> None:
    assert SendOptions().packed() == {"ordering_key": b""}
    told = SendOptions.of(ordering_key="r", delay=2, idempotency_key="n").packed()
    assert told["due"] == {"after": 2000}
    assert told["idempotency_key"] == b"n"
    assert "expires" not in told
    with pytest.raises(InvalidMessage, match="no text that can be sent"):
        SendOptions.of(ordering_key="\ud800").packed()


def test_a_key_of_its_own_stays() -> None:
    assert SendOptions.of().with_key("room").ordering_key == "room"
    assert SendOptions.of(ordering_key="").with_key("room").ordering_key == ""
