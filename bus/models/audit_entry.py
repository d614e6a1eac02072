"""One line of the log of what was done about whom, by whom, and why."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from bus.models.room import Room


class AuditLog(models.QuerySet["AuditEntry"]):
    """Entries, to be added to and read."""

    def update(self, **_values: Any) -> NoReturn:
        """The log is only added to."""
        raise TypeError("The audit log is only added to.")

    def delete(self) -> NoReturn:
        """The log is only added to."""
        raise TypeError("The audit log is only added to.")


class AuditEntry(models.Model):
    """What was done, by whom or which rule, why, and how to undo it; never changed or deleted."""

    at = models.DateTimeField(_("at"), auto_now_add=True)
    # It outlives its room, and so does the name.
    room = models.ForeignKey(
        Room,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="+",
        verbose_name=_("room"),
    )
    room_name = models.CharField(_("room's name"), max_length=64)
    action = models.CharField(_("action"), max_length=40)
    # "user:7 mina", "rule:words", "limit:held": a person, a rule, or a limit of the room.
    actor = models.CharField(_("by"), max_length=200)
    # Whom and what it was done to; empty where it was the room.
    author_key = models.CharField(_("author key"), max_length=64, blank=True)
    message_id = models.BigIntegerField(_("message"), null=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    # What it was before and after, or how much of it there was.
    details = models.JSONField(_("details"), default=dict)
    # The command that takes it back; empty where nothing can.
    undo = models.CharField(_("undo"), max_length=200, blank=True)

    objects = AuditLog.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=("room", "at"), name="audit_of_room"),
            models.Index(fields=("author_key", "at"), name="audit_of_author"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add it; raises TypeError for one that is there."""
        if self.pk is not None:
            raise TypeError("The audit log is only added to.")
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """The log is only added to."""
        raise TypeError("The audit log is only added to.")
