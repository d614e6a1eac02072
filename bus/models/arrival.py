"""When somebody was first seen in a room that asks newcomers to wait."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from bus.models.room import Room


class Arrival(models.Model):
    """When somebody was first seen in a room; kept where the room asks newcomers to wait."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="arrivals", verbose_name=_("room"))
    # As in Message.
    author_key = models.CharField(_("author key"), max_length=64)
    at = models.DateTimeField(_("first seen"), db_index=True)

    class Meta:
        verbose_name = _("arrival")
        verbose_name_plural = _("arrivals")
        constraints = [
            models.UniqueConstraint(fields=("room", "author_key"), name="arrival_once_per_room")
        ]

    def __str__(self) -> str:
        return f"{self.author_key} in {self.room}"
