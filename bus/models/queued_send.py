"""A channel message stored with the transaction that sends it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class QueuedSend(models.Model):
    """A channel message that waits for its transaction to commit, and then for the broker."""

    channel = models.CharField(_("channel"), max_length=100)
    # As the channel layer encodes it; checked before it is stored.
    payload = models.BinaryField(_("payload"))
    ordering_key = models.CharField(_("ordering key"), max_length=200)
    # In ms since 1970; 0 is at once, and never.
    not_before = models.BigIntegerField(_("not before"), default=0)
    expires_at = models.BigIntegerField(_("expires"), default=0)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("queued send")
        verbose_name_plural = _("queued sends")
        ordering = ("pk",)
        # Named channels have no table; this is what of them is stored. Django stores the names as
        # they are here, in one language.
        permissions = [
            ("send_channel", "Can send to named channels, in anybody's name"),
            ("view_channel", "Can view named channels"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.pk}"
