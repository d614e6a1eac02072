"""Django admin for rooms, messages, reviews and sanctions."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bus import publisher
from bus.errors import BusError
from bus.models import ApiKey, Member, Message, Review, Room, Sanction
from bus.services import events, history, keys, reviews


class MemberInline(admin.TabularInline):
    """A room's members on the room's page."""

    model = Member
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):
    """Rooms, with their members."""

    list_display = ("name", "title", "access", "moderation", "slow_mode", "head", "archived_at")
    list_filter = ("access", "moderation")
    search_fields = ("name", "title")
    readonly_fields = ("head",)
    inlines = (MemberInline,)

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        """Write what was changed, and not the head, which a worker may be moving meanwhile."""
        obj.save(update_fields=form.changed_data if change else None)


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    """Messages, to be read: what changes them are the services."""

    list_display = ("created_at", "room", "seq", "author_name", "status", "reason", "body")
    list_filter = ("status", "reason", "room")
    search_fields = ("body", "author_name")
    list_select_related = ("room",)
    date_hierarchy = "created_at"

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Messages come through the channel."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Message | None = None) -> bool:
        """A change without its seq would reach nobody."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Message | None = None) -> bool:
        """A missing seq would look like a loss."""
        return False


@admin.register(Review)
class ReviewAdmin(admin.ModelAdmin):
    """Held messages, to be approved or rejected."""

    list_display = ("opened_at", "state", "message", "decided_by", "decided_at")
    list_filter = ("state",)
    list_select_related = ("message", "decided_by")
    actions = ("approve", "reject")

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Reviews are opened by the moderation worker."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Review | None = None) -> bool:
        """Without its review a message would be held for ever."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Review | None = None) -> bool:
        """The list and its actions; a single review is read."""
        return obj is None and super().has_change_permission(request)

    @admin.action(description=_("Approve: post the message"), permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        """Post the chosen messages."""
        self._decide(request, queryset, approve=True)

    @admin.action(description=_("Reject the message"), permissions=["change"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        """Reject the chosen messages."""
        self._decide(request, queryset, approve=False)

    def _decide(self, request: HttpRequest, queryset: QuerySet[Review], *, approve: bool) -> None:
        by = request.user if isinstance(request.user, User) else None
        bulletins = events.Bulletins()
        decided = 0
        for review in queryset.order_by("opened_at"):
            try:
                row = reviews.decide(review.pk, approve=approve, by=by)
            except BusError as error:
                self.message_user(request, f"{review}: {error.text}", messages.WARNING)
                continue
            decided += 1
            if approve:
                bulletins.posted(row, row.room.name)
            bulletins.settled(row.author_key, row.room.name, history.outcome(row))
        _publish(self, request, bulletins)
        self.message_user(request, _("%(count)d decided.") % {"count": decided})


def _publish(
    model_admin: admin.ModelAdmin, request: HttpRequest, bulletins: events.Bulletins
) -> None:
    try:
        async_to_sync(publisher.publish)(bulletins.rooms, bulletins.authors)
    except BusError as error:
        text = _("Decided and stored, but people see it only when they reload: %(error)s")
        model_admin.message_user(request, text % {"error": error.text}, messages.WARNING)


@admin.register(Sanction)
class SanctionAdmin(admin.ModelAdmin):
    """Mutes, timeouts and bans; they hold from the next message on."""

    list_display = ("created_at", "room", "author_key", "kind", "until", "lifted_at", "reason")
    list_filter = ("kind", "room")
    list_select_related = ("room",)

    def save_model(self, request: HttpRequest, obj: Sanction, form: Any, change: bool) -> None:
        """Note who made it."""
        if not change and isinstance(request.user, User):
            obj.created_by = request.user
        super().save_model(request, obj, form, change)


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
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
            keys.revoke(key.prefix)
        self.message_user(request, _("%(count)d revoked.") % {"count": len(queryset)})
