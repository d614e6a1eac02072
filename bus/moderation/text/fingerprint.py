"""What a message says, in short: the same for texts that differ in disguise alone."""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from bus.moderation.text.normalise import normalise

_NOT_LETTERS: Final = re.compile(r"[\W_]+")
_DRAWN_OUT: Final = re.compile(r"(.)(?=\1)", re.DOTALL)
# People say "ok" and ㅋㅋㅋ all day.
_SHORTEST: Final = 4
# Asked for by who keeps it and by the rule that compares it, a list of messages later at most.
_KEPT: Final = 1024


@lru_cache(_KEPT)
def fingerprint(text: str) -> str:
    """A digest of a text without case, spacing, signs and drawn-out letters; 16 characters.

    Empty where so little is left that everybody says it.
    """
    folded = normalise(text).folded
    letters = _DRAWN_OUT.sub("", _NOT_LETTERS.sub("", folded)) or folded.strip()
    if len(letters) < _SHORTEST:
        return ""
    return blake2b(letters.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
