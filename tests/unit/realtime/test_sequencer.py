"""A room's events in the order of seq, whatever order they come in."""

from hypothesis import given
from hypothesis import strategies as st

from bus.realtime.sequencer import SequencedEvent, Sequencer


def both(
    *seqs: int | None,
) -> tuple[list[tuple[int | None, bytes]], list[tuple[int | None, bytes]]]:
    return (
        [(seq, b"e%d" % (seq or 0)) for seq in seqs],
        [(seq, b"p%d" % (seq or 0)) for seq in seqs],
    )


def seqs(items: list[SequencedEvent]) -> list[int | None]:
    return [item.seq for item in items]


def test_the_first_event_of_an_unknown_room_says_where_it_is() -> None:
    sequencer = Sequencer()
    assert seqs(sequencer.sequence(*both(5, 6))) == [5, 6]
    assert sequencer.sequence(*both(5)) == []
    assert (sequencer.head, sequencer.repeats) == (6, 1)


def test_both_forms_of_an_event_stay_together() -> None:
    sequencer = Sequencer()
    sequencer.head = 0
    assert sequencer.sequence([(1, b"e1"), (2, b"e2")], [(2, b"p2")]) == [
        SequencedEvent(1, b"e1", None),
        SequencedEvent(2, b"e2", b"p2"),
    ]
    assert sequencer.sequence([], [(3, b"p3")]) == [SequencedEvent(3, None, b"p3")]


def test_what_has_no_seq_waits_for_nothing() -> None:
    sequencer = Sequencer()
    sequencer.head = 1
    assert sequencer.sequence([(3, b"e3"), (None, b"e")], [(None, b"p")]) == [
        SequencedEvent(None, b"e", None),
        SequencedEvent(None, None, b"p"),
    ]
    assert sequencer.has_gap


def test_what_is_known_by_another_way_is_told_no_more() -> None:
    sequencer = Sequencer()
    sequencer.head = 1
    sequencer.sequence(*both(3, 5, 6))
    assert seqs(sequencer.advance_to(4)) == [5, 6]
    assert not sequencer.has_gap
    assert sequencer.advance_to(2) == []
    assert sequencer.head == 6


def test_holes_that_nobody_can_fill_are_skipped() -> None:
    sequencer = Sequencer()
    sequencer.head = 1
    sequencer.sequence(*both(3, 4, 7))
    assert seqs(sequencer.skip_gap()) == [3, 4, 7]
    assert sequencer.head == 7


@given(st.permutations(range(1, 30)), st.lists(st.integers(1, 29)), st.integers(1, 5))
def test_any_order_becomes_one(sent: list[int], again: list[int], size: int) -> None:
    sequencer = Sequencer()
    sequencer.head = 0
    heard: list[int | None] = []
    told = [*sent, *again]
    for start in range(0, len(told), size):
        heard += seqs(sequencer.sequence(*both(*told[start : start + size])))
    assert heard == list(range(1, 30))
    assert not sequencer.has_gap
