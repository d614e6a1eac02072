"""A room's events in the order of seq, whatever order they come in."""

from hypothesis import given
from hypothesis import strategies as st

from bus.realtime.sequencer import Item, Order


def both(
    *seqs: int | None,
) -> tuple[list[tuple[int | None, bytes]], list[tuple[int | None, bytes]]]:
    return (
        [(seq, b"e%d" % (seq or 0)) for seq in seqs],
        [(seq, b"p%d" % (seq or 0)) for seq in seqs],
    )


def seqs(items: list[Item]) -> list[int | None]:
    return [item.seq for item in items]


def test_the_first_event_of_an_unknown_room_says_where_it_is() -> None:
    order = Order()
    assert seqs(order.sort(*both(5, 6))) == [5, 6]
    assert order.sort(*both(5)) == []
    assert (order.head, order.repeats) == (6, 1)


def test_both_forms_of_an_event_stay_together() -> None:
    order = Order()
    order.head = 0
    assert order.sort([(1, b"e1"), (2, b"e2")], [(2, b"p2")]) == [
        Item(1, b"e1", None),
        Item(2, b"e2", b"p2"),
    ]
    assert order.sort([], [(3, b"p3")]) == [Item(3, None, b"p3")]


def test_what_has_no_seq_waits_for_nothing() -> None:
    order = Order()
    order.head = 1
    assert order.sort([(3, b"e3"), (None, b"e")], [(None, b"p")]) == [
        Item(None, b"e", None),
        Item(None, None, b"p"),
    ]
    assert order.broken


def test_what_is_known_by_another_way_is_told_no_more() -> None:
    order = Order()
    order.head = 1
    order.sort(*both(3, 5, 6))
    assert seqs(order.reach(4)) == [5, 6]
    assert not order.broken
    assert order.reach(2) == []
    assert order.head == 6


def test_holes_that_nobody_can_fill_are_skipped() -> None:
    order = Order()
    order.head = 1
    order.sort(*both(3, 4, 7))
    assert seqs(order.skip()) == [3, 4, 7]
    assert order.head == 7


@given(st.permutations(range(1, 30)), st.lists(st.integers(1, 29)), st.integers(1, 5))
def test_any_order_becomes_one(sent: list[int], again: list[int], size: int) -> None:
    order = Order()
    order.head = 0
    heard: list[int | None] = []
    told = [*sent, *again]
    for start in range(0, len(told), size):
        heard += seqs(order.sort(*both(*told[start : start + size])))
    assert heard == list(range(1, 30))
    assert not order.broken
