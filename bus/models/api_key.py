"""The secret by which a backend service is known."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ApiKey(models.Model):
    """A backend's key; of its secret only the digest is kept."""

    name = models.CharField(_("name"), max_length=100)
    # The first part of the key, by which people and `check` find it.
    prefix = models.CharField(_("prefix"), max_length=16, unique=True)
    # SHA-256 in hex. The secret is random and long, so a slow hash would protect nothing more.
    digest = models.CharField(_("digest"), max_length=64)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    # Written at most once a minute.
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"
