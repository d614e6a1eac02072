"""Sentences of many languages, those that are found and those that look like them and pass."""

from pathlib import Path
from typing import get_args

import pytest

from bus.moderation import POLICIES, Policy, judge
from bus.moderation.list_file import Line, lines
from bus.moderation.verdict import Action

STANDARD = POLICIES["standard"]
SENTENCES = [
    line
    for path in sorted(Path(__file__).parent.glob("sentences/??.txt"))
    for line in lines(path, 2, 2)
]
# What a sentence is besides the action that is taken on it.
KINDS = ("clean", "found", "in-room")


@pytest.mark.parametrize(
    "line", SENTENCES, ids=[f"{line.path.stem}-{line.number}" for line in SENTENCES]
)
def test_a_sentence_is_judged_as_its_file_says(line: Line) -> None:
    kind = line.choice(0, "kind", (*KINDS, *get_args(Action)))
    text = line.columns[1]
    verdict = judge(text, STANDARD)
    there = judge(text, Policy.from_parts(STANDARD, {"languages": [line.path.stem]}))
    if kind in get_args(Action):
        assert (verdict.action, there.action) == (kind, kind), verdict.hits
    else:
        hit = verdict.action != "allow", there.action != "allow"
        assert hit == (kind == "found", kind != "clean"), (verdict.hits, there.hits)
