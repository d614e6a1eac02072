"""What authors brought upon themselves, and the log of what was done."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bus.admin.base import BaseAdmin, ReadOnlyAdmin, person
from bus.enforcement import audit, sanctions
from bus.models import AuditEntry, Sanction, Strike
from bus.protocol.errors import BusError


@admin.register(Sanction)
class SanctionAdmin(BaseAdmin):
    """Mutes, timeouts and bans; they hold from the next message on, until lifted."""

    list_display = ("created_at", "room", "author_key", "kind", "until", "lifted_at", "reason")
    list_filter = ("kind", "room", ("lifted_at", admin.EmptyFieldListFilter))
    list_select_related = ("room",)
    search_fields = ("author_key", "reason")
    fields = ("room", "author_key", "kind", "until", "reason")
    actions = ("lift",)

    def has_change_permission(self, request: HttpRequest, obj: Sanction | None = None) -> bool:
        """The list and its action; a single sanction is read."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, _request: HttpRequest, _obj: Sanction | None = None) -> bool:
        """A lifted one stays, to say what it was for."""
        return False

    def save_model(self, request: HttpRequest, obj: Sanction, form: Any, change: bool) -> None:
        """Store it with its line in the log."""
        by = person(request)
        obj.created_by = cast(Any, by)
        sanctions.store(obj, audit.person(by))

    @admin.action(description=_("Lift: end it now"), permissions=["change"])
    def lift(self, request: HttpRequest, queryset: QuerySet[Sanction]) -> None:
        """End the chosen sanctions."""
        lifted = 0
        for sanction in queryset:
            try:
                sanctions.lift(sanction.pk, by=person(request), reason="in the admin")
                lifted += 1
            except BusError as error:
                self.message_user(request, f"{sanction}: {error.text}", messages.WARNING)
        self.message_user(request, _("%(count)d lifted.") % {"count": lifted})


@admin.register(Strike)
class StrikeAdmin(ReadOnlyAdmin):
    """Rejected messages, as they count against their authors."""

    list_display = ("id", "created_at", "room", "author_key", "rule", "message", "forgiven_at")
    list_filter = ("room", "rule")
    search_fields = ("author_key",)
    list_select_related = ("room", "message")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The audit log: who did what to whom, why, and how to undo it."""

    list_display = ("at", "room_name", "action", "actor", "author_key", "reason", "undo")
    list_filter = ("action", "room_name")
    search_fields = ("actor", "author_key", "reason")
    date_hierarchy = "at"
