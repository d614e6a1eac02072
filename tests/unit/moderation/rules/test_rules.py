"""The registry of rules."""

from bus.moderation.rules import RULES


def test_each_module_is_a_rule() -> None:
    names = [rule.__module__.rsplit(".", 1)[1] for rule in RULES]
    assert names == [
        *("capitals", "emoji", "flood", "length", "links", "mentions", "newcomers", "patterns"),
        *("repeats", "scams", "words", "zalgo"),
    ]
