"""Letters of the alphabets between Greek and those of India, which words of lists may have."""

import re
from itertools import groupby
from typing import Final

# The inside of a class of a pattern.
LETTERS: Final = "\u0370-\u0d7f"
any_letter: Final = re.compile(f"[{LETTERS}]").search


def squeezed(letters: str) -> str:
    """Letters with repeats as one."""
    return "".join(letter for letter, _ in groupby(letters))
