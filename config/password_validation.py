"""What no password may be: a number, or less than it seems to be."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_LEAST = 8
_LEAST_DIFFERENT = 4
# Letters and marks that show nothing: fillers of Hangul, a joiner, a blank of Braille.
_BLANK = "\u034f\u115f\u1160\u2800\u3164\uffa0"
# As numbers of telephones and days are written.
_IN_NUMBERS = "-.,:/+()_"


class GuessableValidator:
    """For AUTH_PASSWORD_VALIDATORS: counts what can be seen, and takes no number.

    Django's own counts ten spaces as ten characters, and sees no number in `010-1234-5678`.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Raise ValidationError for what is too easy to guess."""
        seen = [letter for letter in password if _is_seen(letter)]
        if len(seen) < _LEAST:
            raise ValidationError(
                _("This password needs at least %(least)d characters that can be seen.")
                % {"least": _LEAST},
                code="password_not_seen",
            )
        if all(letter.isnumeric() for letter in seen if letter not in _IN_NUMBERS):
            raise ValidationError(
                _("This password is a number, which is easy to guess."),
                code="password_entirely_numeric",
            )
        if len(set(seen)) < _LEAST_DIFFERENT:
            raise ValidationError(
                _("This password repeats a few characters, which is easy to guess."),
                code="password_repeats",
            )

    def get_help_text(self) -> str:
        """What forms say before."""
        return _("Your password can’t be a number, or a few characters again and again.")


def _is_seen(letter: str) -> bool:
    return unicodedata.category(letter)[0] not in "CZ" and letter not in _BLANK
