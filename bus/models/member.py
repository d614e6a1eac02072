"""A user in a room."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from bus.models.room import Room


class Member(models.Model):
    """A user in a room, with a role."""

    class Role(models.TextChoices):
        """What a member may do."""

        OWNER = "owner", _("owner")
        MODERATOR = "moderator", _("moderator")
        MEMBER = "member", _("member")

    room = models.ForeignKey(Room, models.CASCADE, related_name="members", verbose_name=_("room"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user")
    )
    role = models.CharField(_("role"), max_length=9, choices=Role, default=Role.MEMBER)
    joined_at = models.DateTimeField(_("joined"), auto_now_add=True)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            models.UniqueConstraint(fields=("room", "user"), name="member_once_per_room")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.room} ({self.role})"
