"""Which networks guests come from, as keyed digests that are kept for a day or so."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from bus.models.sanction import Sanction


class GuestNetwork(models.Model):
    """Where a guest came from lately; the digest tells nobody without SECRET_KEY where that is."""

    author_key = models.CharField(_("author key"), max_length=64)
    digest = models.CharField(_("digest"), max_length=32)
    seen_at = models.DateTimeField(_("seen"), db_index=True)

    class Meta:
        verbose_name = _("guest's network")
        verbose_name_plural = _("guests' networks")
        constraints = [
            models.UniqueConstraint(fields=("author_key", "digest"), name="guest_network_once")
        ]

    def __str__(self) -> str:
        return f"{self.author_key} from {self.digest}"


class SanctionNetwork(models.Model):
    """Where a sanctioned guest came from: it holds for other guests from there, for a while."""

    sanction = models.ForeignKey(
        Sanction, models.CASCADE, related_name="networks", verbose_name=_("sanction")
    )
    digest = models.CharField(_("digest"), max_length=32, db_index=True)
    until = models.DateTimeField(_("until"), db_index=True)

    class Meta:
        verbose_name = _("sanctioned network")
        verbose_name_plural = _("sanctioned networks")
        constraints = [
            models.UniqueConstraint(fields=("sanction", "digest"), name="sanction_network_once")
        ]

    def __str__(self) -> str:
        return f"{self.sanction} from {self.digest}"
