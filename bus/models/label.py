"""What a moderator's decision says about a text."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from bus.models.message import Message


class Label(models.Model):
    """A text as its author wrote it, and whether a moderator found it bad."""

    message = models.OneToOneField(
        Message, models.CASCADE, related_name="label", verbose_name=_("message")
    )
    # Kept apart from the message, which may be masked or edited.
    text = models.TextField(_("text"))
    bad = models.BooleanField(_("bad"))
    decided_at = models.DateTimeField(_("decided"))

    class Meta:
        verbose_name = _("label")
        verbose_name_plural = _("labels")

    def __str__(self) -> str:
        return f"{int(self.bad)} {self.text[:40]}"
