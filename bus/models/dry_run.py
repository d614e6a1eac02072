"""A changed policy over a room's history: what would have been different."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from bus.models.room import Room


class DryRun(models.Model):
    """A changed policy over a room's history, judged in steps by a worker."""

    class State(models.TextChoices):
        """Running until it has looked at everything, failed, or was stopped."""

        RUNNING = "running", _("running")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")
        FAILED = "failed", _("failed")

    room = models.ForeignKey(Room, models.CASCADE, related_name="+", verbose_name=_("room"))
    # The policy that is tried: a base, and what is changed of it.
    moderation = models.CharField(_("moderation"), max_length=8, choices=Room.Moderation)
    parts = models.JSONField(_("parts"), default=dict)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.RUNNING)
    # Messages by id: it looks at those after `position` up to `last`, oldest first.
    position = models.BigIntegerField(_("position"))
    last = models.BigIntegerField(_("last"))
    total = models.PositiveIntegerField(_("total"))
    looked = models.PositiveIntegerField(_("looked at"), default=0)
    # policy_diff.PolicyDiff.as_json().
    found = models.JSONField(_("found"), default=dict)
    error = models.CharField(_("error"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("dry run")
        verbose_name_plural = _("dry runs")
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.room} {self.moderation}: {self.looked} of {self.total}"
