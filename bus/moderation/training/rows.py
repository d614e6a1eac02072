"""What the model is trained and measured on: labelled texts, by where they come from."""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# One text in so many is never trained on.
HELD_BACK: Final = 10

_FORWARDED: Final = re.compile(r"^\s*(?:RT\s+@\w+:?\s*)+")


@dataclass(frozen=True, slots=True)
class Row:
    """A text and its label: bad is abusive or spam."""

    bad: bool
    text: str
    # The text that this one was cut from, where it was cut.
    whole: str = ""

    @property
    def held_back(self) -> bool:
        """Whether it is kept from training, to measure on; by a hash, so that it stays so."""
        whole = self.whole or self.text
        return zlib.crc32(whole.encode("utf-8", "surrogatepass")) % HELD_BACK == 0


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one origin; they share their habits, and a weight against other sources."""

    name: str
    rows: Sequence[Row]
    weight: float = 1.0


def clean(text: str) -> str:
    """A text as it was typed: without what exports and forwards put around it."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return _FORWARDED.sub("", " ".join(html.unescape(text).split()))
