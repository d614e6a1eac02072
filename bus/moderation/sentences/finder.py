"""Finds the sentences of some lists in a folded text: their cues first, all in one pass."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick

from bus.moderation.policy.policy import Policy
from bus.moderation.sentences.patterns import Sentence, compiled
from bus.moderation.text.normalise import NormalisedText
from bus.moderation.verdict import FOLDED, WRITTEN, Hit
from bus.moderation.words.custom_lists import is_allowed

# In one text; whoever says more has said enough.
_MOST: Final = 5
# Looked for in one text, the severest first; the cues of more stand in no text that anybody writes.
_MOST_ASKED: Final = 40


class Found(NamedTuple):
    """A sentence, and where it stands in the folded text."""

    sentence: Sentence
    start: int
    end: int


class SentenceFinder:
    """All sentences of some lists, by their cues."""

    def __init__(self, sentences: Iterable[Sentence]) -> None:
        # The severest first: where two kinds are told by the same words, it is the worse.
        self._sentences = sorted(sentences, key=lambda sentence: -sentence.severity)
        of_cue: dict[str, list[int]] = {}
        for number, sentence in enumerate(self._sentences):
            for cue in sentence.cues:
                of_cue.setdefault(cue, []).append(number)
        self._of_cue = [frozenset(numbers) for numbers in of_cue.values()]
        self._cues = AhoCorasick(list(of_cue))

    def find(self, folded: str) -> list[Found]:
        """The sentences that a text has, in the order of their places; of overlapping ones one."""
        cues = self._cues.find_matches_as_indexes(folded, overlapping=True)
        return list(self._matches(folded, {cue for cue, _, _ in cues})) if cues else []

    def _matches(self, folded: str, cues: set[int]) -> Iterator[Found]:
        asked = sorted(set().union(*(self._of_cue[cue] for cue in cues)))
        answers: dict[str, tuple[int, int] | None] = {}
        taken: list[tuple[int, int]] = []
        for number in asked[:_MOST_ASKED]:
            span = _match(self._sentences[number], folded, answers)
            if span is None or any(span[0] < end and start < span[1] for start, end in taken):
                continue
            taken.append(span)
            yield Found(self._sentences[number], *span)
            if len(taken) == _MOST:
                return


def _match(
    sentence: Sentence, folded: str, answers: dict[str, tuple[int, int] | None]
) -> tuple[int, int] | None:
    """Where the first part of a sentence stands, if the text has what it wants, and no more."""
    span = None
    for part in sentence.parts:
        if part.source not in answers:
            match = compiled(part.source).search(folded)
            answers[part.source] = None if match is None else match.span(1)
        found = answers[part.source]
        if (found is not None) != part.wanted:
            return None
        span = span or found
    return span


def hits(finder: SentenceFinder, rule: str, normal: NormalisedText, policy: Policy) -> list[Hit]:
    """A hit for each sentence that the room does not allow; its category is the reason, too."""
    found = finder.find(normal.folded)
    if found and policy.custom.allowed is not None:
        covered = policy.custom.allows(normal.folded)
        found = [one for one in found if not is_allowed(one.start, one.end, covered)]
    return [_hit(one, rule, normal) for one in found]


def _hit(found: Found, rule: str, normal: NormalisedText) -> Hit:
    start, end = normal.span(found.start, found.end)
    as_written = normal.raw[start:end].lower() == normal.folded[found.start : found.end]
    return Hit.at(
        start,
        end,
        text=normal.raw,
        rule=rule,
        reason=found.sentence.category,
        severity=found.sentence.severity,
        disguise=WRITTEN if as_written else FOLDED,
    )
