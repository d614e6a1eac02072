"""What people join."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from bus.models import listing
from bus.models.labels import check_labels
from bus.protocol.types import canonical_name
from bus.unicode.normal_form import nfc

# What the lobby finds a room by.
_LISTED = {"name", "title", "access", "archived_at"}


def check_name(name: str) -> None:
    """Refuse a name that no path could lead to; raises ValidationError."""
    if canonical_name(name) is None:
        raise ValidationError(_("Use letters, digits, - and _, without spaces."))


class RoomQuerySet(models.QuerySet["Room"]):
    """Rooms, which the lobby finds however they are written."""

    def bulk_create(self, objs: Iterable[Room], *args: Any, **options: Any) -> list[Room]:
        """As Django's."""
        with transaction.atomic(using=self.db):
            made = super().bulk_create(objs, *args, **options)
            if options.get("ignore_conflicts") or options.get("update_conflicts"):
                # Which of them are new, and their numbers, is not told.
                listing.renew(Room.objects.filter(name__in=[room.name for room in made]))
            else:
                listing.add(made)
        return made

    def update(self, **values: Any) -> int:
        """As Django's."""
        if _LISTED.isdisjoint(values):
            return super().update(**values)
        with transaction.atomic(using=self.db):
            changed = list(self.values_list("pk", flat=True))
            count = super().update(**values)
            listing.renew(Room.objects.filter(pk__in=changed))
        return count


class Room(models.Model):
    """What people join; its messages are numbered by `seq`, from 1 without holes."""

    class Access(models.TextChoices):
        """Who may enter."""

        OPEN = "open", _("everyone, guests too")
        PUBLIC = "public", _("everyone who is signed in")
        PRIVATE = "private", _("members only")

    class Moderation(models.TextChoices):
        """The policy that its messages are judged by."""

        OFF = "off", _("off")
        RELAXED = "relaxed", _("relaxed")
        STANDARD = "standard", _("standard")
        STRICT = "strict", _("strict")

    # In the one spelling of fields.canonical_name, but for some that are older than that.
    name = models.CharField(_("name"), max_length=64, unique=True, validators=[check_name])
    title = models.CharField(_("title"), max_length=120, blank=True)
    topic = models.CharField(_("topic"), max_length=500, blank=True)
    access = models.CharField(_("access"), max_length=8, choices=Access, default=Access.PUBLIC)
    moderation = models.CharField(
        _("moderation"), max_length=8, choices=Moderation, default=Moderation.STANDARD
    )
    slow_mode = models.PositiveIntegerField(
        _("slow mode"),
        default=0,
        help_text=_("seconds between two messages of one author; 0 is off"),
    )
    newcomer_wait = models.PositiveIntegerField(
        _("newcomers wait"),
        default=0,
        blank=True,
        help_text=_("seconds that newcomers are in the room before they may write; 0 is off"),
    )
    # What is changed of that policy: moderation.Policy.from_parts. Word lists make it large, so
    # it is read only when `policy_version` says that it changed.
    policy_parts = models.JSONField(_("policy parts"), default=dict, blank=True)
    # What the room does around the policy: enforcement.room_settings.RoomSettings.
    conduct = models.JSONField(_("conduct"), default=dict, blank=True)
    policy_version = models.PositiveIntegerField(default=0, editable=False)
    # The seq of the newest change; the next one is this plus 1.
    head = models.BigIntegerField(_("head"), default=0, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    archived_at = models.DateTimeField(
        _("archived"), null=True, blank=True, help_text=_("from then on it takes no messages")
    )

    objects = RoomQuerySet.as_manager()

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **options: Any) -> None:
        """Store it, and let the lobby find it by what it is called now."""
        self.title, self.topic = nfc(self.title), nfc(self.topic)
        fields = options.get("update_fields")
        if fields is not None and _LISTED.isdisjoint(fields):
            super().save(*args, **options)
            return
        renew = listing.add if self._state.adding else listing.renew
        with transaction.atomic():
            super().save(*args, **options)
            renew([self])

    def clean(self) -> None:
        """Spell a new name as all are; refuse what would turn or end the lines that it is shown in.

        Raises ValidationError.
        """
        if self._state.adding:
            self.name = canonical_name(self.name) or self.name
        check_labels(title=self.title, topic=self.topic)
        # Composed, as they are stored, they may be longer than they were typed.
        self.title, self.topic = nfc(self.title), nfc(self.topic)
        self.clean_fields({each.name for each in self._meta.fields} - {"title", "topic"})
