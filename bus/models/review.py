"""A held message waiting for a person."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from bus.models.message import Message


class Review(models.Model):
    """A held message waiting for a person, and what that person decided."""

    class State(models.TextChoices):
        """Open until somebody decides; the first decision stands."""

        OPEN = "open", _("open")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    message = models.OneToOneField(
        Message, models.CASCADE, related_name="review", verbose_name=_("message")
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(_("opened"))
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    note = models.CharField(_("note"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        indexes = [models.Index(fields=("state", "opened_at"), name="review_queue")]

    def __str__(self) -> str:
        return f"{self.message} ({self.state})"
