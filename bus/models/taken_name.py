"""A name that somebody has, or had, under what it looks like."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class TakenName(models.Model):
    """What one person, or one room, is called; nothing that looks alike is for another."""

    class Kind(models.TextChoices):
        """What has names."""

        PERSON = "person", _("person")
        ROOM = "room", _("room")

    kind = models.CharField(_("kind"), max_length=6, choices=Kind)
    # moderation.lookalike of the name.
    skeleton = models.CharField(_("skeleton"), max_length=300)
    name = models.CharField(_("name"), max_length=150)
    # The author key of who had it and is called otherwise now, or is gone; or of the service that
    # writes under it. Empty where a user or a room has it.
    left_by = models.CharField(_("left by"), max_length=64, blank=True)
    # The author key of the user who has it, as far as that was told.
    held_by = models.CharField(_("held by"), max_length=64, blank=True)
    taken_at = models.DateTimeField(_("taken"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("taken name")
        verbose_name_plural = _("taken names")
        constraints = [models.UniqueConstraint(fields=("kind", "skeleton"), name="name_taken_once")]
        # Whoever is renamed elsewhere is asked for what they were called.
        indexes = [models.Index(fields=("held_by",), name="name_by_holder")]

    def __str__(self) -> str:
        return self.name
