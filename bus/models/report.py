"""What a member says against a message."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bus.models.message import Message


class Report(models.Model):
    """What somebody says against a message; once each."""

    message = models.ForeignKey(
        Message, models.CASCADE, related_name="reports", verbose_name=_("message")
    )
    # As in Message: guests may report, too.
    by_key = models.CharField(_("reported by"), max_length=64)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    # Whether it counts towards hiding the message.
    trusted = models.BooleanField(_("trusted"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        constraints = [
            models.UniqueConstraint(fields=("message", "by_key"), name="report_once_each")
        ]
        # Whether somebody's reports were right is asked with each.
        indexes = [models.Index(fields=("by_key", "created_at"), name="report_by_whom")]

    def __str__(self) -> str:
        return f"{self.by_key}: {self.reason}"
