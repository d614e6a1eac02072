"""A mute, timeout or ban."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bus.models.labels import check_labels
from bus.models.message import Message
from bus.models.room import Room


class Sanction(models.Model):
    """A mute, timeout or ban of one author in one room, until it expires or is lifted."""

    class Kind(models.TextChoices):
        """A mute may read, a timeout is a short mute, a ban may not enter."""

        MUTE = "mute", _("mute")
        TIMEOUT = "timeout", _("timeout")
        BAN = "ban", _("ban")

    room = models.ForeignKey(Room, models.CASCADE, related_name="sanctions", verbose_name=_("room"))
    # As in Message: guests can be sanctioned, too.
    author_key = models.CharField(_("author key"), max_length=64)
    kind = models.CharField(_("kind"), max_length=7, choices=Kind)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )
    # The one that a rule or a decision made it for.
    message = models.ForeignKey(
        Message,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="sanctions",
        verbose_name=_("message"),
    )
    until = models.DateTimeField(_("until"), null=True, blank=True, help_text=_("empty: for good"))
    lifted_at = models.DateTimeField(_("lifted"), null=True, blank=True)

    class Meta:
        verbose_name = _("sanction")
        verbose_name_plural = _("sanctions")
        indexes = [models.Index(fields=("room", "author_key"), name="sanction_lookup")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.author_key} in {self.room}"

    def clean(self) -> None:
        """Refuse what would turn or end the lines that it is shown in; raises ValidationError."""
        check_labels(author_key=self.author_key, reason=self.reason)
