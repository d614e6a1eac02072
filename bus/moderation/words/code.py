"""Whether what looks like a disguised word is a name or value of code or of a log: `q = f**k`."""

import re
from typing import Final

# Characters; with a space beside it, the sign is as near.
_NEAR: Final = 3
_SET_BEFORE: Final = re.compile(r"[\w\])] ?[=+-]?= ?\Z").search
_SET_AFTER: Final = re.compile(r" ?[+-]?= ?[\w\"'\[({]").match


def is_code(folded: str, start: int, end: int) -> bool:
    """Whether a value is set here: by what stands at these places, or to it."""
    if "=" not in folded:
        return False
    before = folded[max(0, start - _NEAR - 1) : start]
    return bool(_SET_BEFORE(before) or _SET_AFTER(folded, end))
