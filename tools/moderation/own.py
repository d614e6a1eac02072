"""The project's own sentences, written with choices: `[a|b]` is either."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bus.moderation.training.rows import Row, Source

OWN: Final = Path(__file__).with_name("own.txt")
# Readings of one line, so that a line with many choices does not outweigh its neighbours.
_MOST: Final = 60
_CHOICE: Final = re.compile(r"\[([^\]]*)\]")


def own() -> Source:
    """All readings of all lines; those of one line are held back together."""
    rows: list[Row] = []
    for line in OWN.read_text("utf-8").splitlines():
        label, _, pattern = line.partition("\t")
        if label in ("0", "1"):
            rows.extend(Row(label == "1", text, pattern) for text in readings(pattern))
    return Source("own", rows)


def readings(pattern: str) -> Iterator[str]:
    """What a line with choices can be read as; of very many, the same few each time."""
    parts = _CHOICE.split(pattern)
    choices = [part.split("|") if odd % 2 else [part] for odd, part in enumerate(parts)]
    texts = sorted({" ".join("".join(chosen).split()) for chosen in itertools.product(*choices)})
    if len(texts) > _MOST:
        texts = sorted(texts, key=lambda text: zlib.crc32(text.encode()))[:_MOST]
    yield from texts
