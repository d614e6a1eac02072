"""Commands as bytes: hiredis packs what redis-py's own packer would, and refuses the same."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from redis._parsers.encoders import Encoder
from redis.connection import PythonRespSerializer

from bus.broker.errors import InvalidMessage
from bus.broker.redis_commands import encoded, packed


class Name(str):
    """Text of a class of its own, as Django's safe strings are."""


PARTS = st.one_of(
    st.binary(),
    st.text(),
    st.text(st.characters(codec=None)),
    st.text().map(Name),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.lists(st.integers(), max_size=2),
)


@given(st.lists(PARTS, max_size=8))
def test_it_is_packed_as_by_the_packer_in_python(parts: list[object]) -> None:
    command = ("ECHO", *parts)
    slow = PythonRespSerializer(6000, Encoder("utf-8", "strict", False).encode)
    ways = (packed, lambda command: b"".join(slow.pack("ECHO", *map(encoded, command[1:]))))
    assert outcome(ways[0], command) == outcome(ways[1], command)


def outcome(pack: Callable[[tuple[object, ...]], bytes], command: tuple[object, ...]) -> object:
    """The bytes, or the words of the refusal."""
    try:
        return pack(command)
    except InvalidMessage as error:
        return str(error)
