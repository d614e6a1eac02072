"""A rejected message, counted against its author."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from bus.models.message import Message
from bus.models.room import Room


class Strike(models.Model):
    """A rejected message, counted against its author in one room until it is old or forgiven."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="strikes", verbose_name=_("room"))
    author_key = models.CharField(_("author key"), max_length=64)
    message = models.OneToOneField(
        Message, models.CASCADE, related_name="strike", verbose_name=_("message")
    )
    rule = models.CharField(_("rule"), max_length=64)
    created_at = models.DateTimeField(_("created"))
    forgiven_at = models.DateTimeField(_("forgiven"), null=True, blank=True)

    class Meta:
        verbose_name = _("strike")
        verbose_name_plural = _("strikes")
        indexes = [models.Index(fields=("room", "author_key", "created_at"), name="strike_lookup")]

    def __str__(self) -> str:
        return f"{self.author_key} in {self.room}: {self.rule}"
