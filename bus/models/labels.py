"""What forms check of texts that are shown in a line with others."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from bus.protocol import types


def check_labels(**texts: str) -> None:
    """Refuse texts that are no fields.Label; raises ValidationError naming their fields."""
    wrong = {}
    for name, text in texts.items():
        try:
            types.check_label(text)
        except ValueError:
            wrong[name] = _("Control characters are not allowed.")
    if wrong:
        raise ValidationError(wrong)
