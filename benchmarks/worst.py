"""Looks for the text that takes the longest to judge: the slowest of many, changed again and again.

`python -m benchmarks.worst 120 7`: seconds, and where chance begins. It knows the word lists, as
an attacker does, and finds other texts at every beginning.
"""

from __future__ import annotations

import random
import sys
import time

from bus.moderation import POLICIES, judge
from tests.support import hard_texts

SECONDS = 60.0
KEPT = 40
FRESH = 150
# Of so many texts one is new, and after so many all are measured again.
NEW = 10
AGAIN = 400


def cost(text: str, runs: int) -> float:
    """Milliseconds of processor time, the best of some runs."""
    took = []
    for _ in range(runs):
        began = time.process_time()
        judge(text, POLICIES["standard"])
        took.append(time.process_time() - began)
    return min(took) * 1000


def ranked(texts: list[str], runs: int) -> list[tuple[float, str]]:
    """Texts by what they cost, the slowest first."""
    return sorted(((cost(text, runs), text) for text in texts), reverse=True)


def search(seconds: float, chance: random.Random) -> list[tuple[float, str]]:
    """The slowest texts found in that time."""
    texts = [text for _, text in hard_texts.texts()]
    kept = ranked(texts + [hard_texts.fresh(chance) for _ in range(FRESH)], 2)[:KEPT]
    number, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        number += 1
        if number % AGAIN == 0:
            kept = ranked([text for _, text in kept], 3)
        (_, one), (_, other) = chance.choices(kept, k=2)
        if number % NEW == 0:
            one = hard_texts.fresh(chance)
        text = hard_texts.changed(one, other, chance)
        if cost(text, 2) > kept[-1][0] and (took := cost(text, 3)) > kept[-1][0]:
            kept = sorted([*kept, (took, text)], reverse=True)[:KEPT]
        if number % 200 == 0:
            print(f"{number:,} texts, {kept[0][0]:.2f} ms", end="\r", file=sys.stderr, flush=True)
    return ranked([text for _, text in kept], 10)


def main() -> None:
    """Print what the slowest text takes, and how it begins."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    (took, text), *_ = search(seconds, random.Random(seed))
    print(f"moderation: the worst text found takes {took:.2f} ms and begins {text[:60]!r}")


if __name__ == "__main__":
    main()
