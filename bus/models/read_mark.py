"""How far a user has read a room."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from bus.models.room import Room


class ReadMark(models.Model):
    """How far a user has read a room; it only moves forward."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="+", verbose_name=_("room"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user")
    )
    seq = models.BigIntegerField(_("seq"))

    class Meta:
        verbose_name = _("read mark")
        verbose_name_plural = _("read marks")
        constraints = [
            models.UniqueConstraint(fields=("room", "user"), name="read_mark_once_per_room")
        ]

    def __str__(self) -> str:
        return f"{self.user} read {self.room} up to {self.seq}"
