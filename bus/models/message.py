"""A stored row: what somebody wrote in a room, and what became of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bus.models.room import Room


class Message(models.Model):
    """What somebody wrote in a room, and what became of it."""

    class Status(models.TextChoices):
        """The outcome; a held message becomes posted or rejected by a review."""

        POSTED = "posted", _("posted")
        HELD = "held", _("held")
        REJECTED = "rejected", _("rejected")

    room = models.ForeignKey(Room, models.CASCADE, related_name="messages", verbose_name=_("room"))
    # Of its posting, and of its newest change; both null until it is posted.
    seq = models.BigIntegerField(_("seq"), null=True, editable=False)
    changed = models.BigIntegerField(_("changed"), null=True, editable=False)
    status = models.CharField(_("status"), max_length=8, choices=Status)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("author"),
    )
    # "u7" for a user, "g…" for a guest, "s…" for a service; with client_id it tells repeats.
    author_key = models.CharField(_("author key"), max_length=64, editable=False)
    # As they were called when they wrote it; `chat.authors` says what others see.
    author_name = models.CharField(_("author's name"), max_length=150)
    client_id = models.CharField(_("client id"), max_length=64, editable=False)
    # As others see it: masked where the policy says so.
    body = models.TextField(_("body"))
    # Why it was held or rejected: the kind of reason, which its author may know.
    reason = models.CharField(_("reason"), max_length=32, blank=True)
    # moderation.Verdict.as_json(), and the text as written under "body"; null if nothing was found.
    verdict = models.JSONField(_("verdict"), null=True, blank=True)
    reply_to = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("reply to")
    )
    created_at = models.DateTimeField(_("received"))
    posted_at = models.DateTimeField(_("posted"), null=True, blank=True)
    edited_at = models.DateTimeField(_("edited"), null=True, blank=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(
                fields=("room", "author_key", "client_id"), name="message_settled_once"
            ),
            models.UniqueConstraint(fields=("room", "seq"), name="message_seq_once"),
            models.UniqueConstraint(fields=("room", "changed"), name="message_change_once"),
            models.CheckConstraint(
                condition=~Q(status="posted")
                | Q(seq__isnull=False, changed__isnull=False, posted_at__isnull=False),
                name="message_posted_has_seq",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author_name}: {self.as_reviewed[:40]}"

    @property
    def as_reviewed(self) -> str:
        """The text as moderators see it: as it was written, but for personal data."""
        return (self.verdict or {}).get("body") or self.body
