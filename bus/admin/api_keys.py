"""The keys of backend services."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bus.admin.base import BaseAdmin
from bus.chat import api_keys
from bus.models import ApiKey


@admin.register(ApiKey)
class ApiKeyAdmin(BaseAdmin):
    """API keys, to be looked at and revoked; `manage.py bus key create` makes them."""

    list_display = ("name", "prefix", "created_at", "last_used_at", "revoked_at")
    search_fields = ("name", "prefix")
    fields = ("name", "prefix", "created_at", "last_used_at", "revoked_at")
    readonly_fields = ("prefix", "created_at", "last_used_at", "revoked_at")
    actions = ("revoke",)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """The secret is shown once, to whoever runs the command."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: ApiKey | None = None) -> bool:
        """A revoked key stays, to say whose it was."""
        return False

    @admin.action(description=_("Revoke: refuse the key from now on"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Revoke the chosen keys."""
        for key in queryset:
            api_keys.revoke(key.prefix)
        self.message_user(request, _("%(count)d revoked.") % {"count": len(queryset)})
