"""A message waiting for a person."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from bus.models.message import Message


class Review(models.Model):
    """A message waiting for a person, and what that person decided; a message has one at most."""

    class Kind(models.TextChoices):
        """Why it waits."""

        HELD = "held", _("held")
        ALERT = "alert", _("alert")
        REPORTED = "reported", _("reported")
        APPEAL = "appeal", _("appeal")

    class State(models.TextChoices):
        """Open until somebody decides; the first decision stands."""

        OPEN = "open", _("open")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    class Effect(models.TextChoices):
        """What a decision changed; empty is nothing."""

        POSTED = "posted", _("posted")
        SHOWN = "shown", _("shown again")
        REMOVED = "removed", _("removed")
        REJECTED = "rejected", _("rejected")

    message = models.OneToOneField(
        Message, models.CASCADE, related_name="review", verbose_name=_("message")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.HELD)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    # The kind of reason that its author is told while it waits, and the rule behind it.
    reason = models.CharField(_("reason"), max_length=32, blank=True)
    rule = models.CharField(_("rule"), max_length=64, blank=True)
    opened_at = models.DateTimeField(_("opened"))
    # When a held message is decided without a person; null is never.
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("claimed by"),
    )
    claimed_until = models.DateTimeField(_("claimed until"), null=True, blank=True)
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
    # What the decision did to the message, to be taken back by an undo.
    effect = models.CharField(_("effect"), max_length=8, choices=Effect, blank=True)
    appealed_at = models.DateTimeField(_("appealed"), null=True, blank=True)
    appeal = models.CharField(_("appeal"), max_length=500, blank=True)
    # The message was in the room and is taken out of it until somebody decides; whoever removes
    # such a message for good says so here, and no decision brings it back.
    hidden = models.BooleanField(_("hidden"), default=False)

    # Not stored: whether the very report that was just filed hid the message.
    hidden_now: bool = False

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        indexes = [
            models.Index(fields=("state", "opened_at"), name="review_queue"),
            models.Index(fields=("state", "expires_at"), name="review_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.message} ({self.state})"
