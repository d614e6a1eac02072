"""A text that was taken out of a message, and is still to be taken out of what else holds it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Erasure(models.Model):
    """Which message it was; never the text itself. Gone once nothing holds it any more."""

    room_name = models.CharField(max_length=64, editable=False)
    author_key = models.CharField(max_length=64, editable=False)
    client_id = models.CharField(max_length=64, editable=False)
    # When the message was sent, and when its text was taken out.
    sent_at = models.DateTimeField(editable=False)
    at = models.DateTimeField(editable=False)
    # Whether the broker's streams are done with it, and its files alone may still have it.
    searched = models.BooleanField(default=False, editable=False)

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")

    def __str__(self) -> str:
        return f"{self.author_key} {self.client_id}"
