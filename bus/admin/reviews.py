"""What moderators decide: reviews, and what led to them."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bus.admin.base import BaseAdmin, ReadOnlyAdmin, person
from bus.messaging import publisher
from bus.models import DryRun, Message, Report, Review
from bus.posting import events
from bus.posting.domain_events import DomainEvent
from bus.protocol.errors import BusError
from bus.review import reviews
from bus.unicode.normal_form import nfc


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """Messages, to be read: a change without its seq would reach nobody."""

    list_display = ("created_at", "room", "seq", "author_name", "status", "reason", "text")
    list_filter = ("status", "reason", "room")
    search_fields = ("body", "author_name")
    exclude = ("body",)
    readonly_fields = ("text",)
    list_select_related = ("room",)
    date_hierarchy = "created_at"

    @admin.display(description=_("body"))
    def text(self, row: Message) -> str:
        """What the row has; where that waits for a moderator, without personal data."""
        return row.as_reviewed if row.status == Message.Status.HELD else row.body

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        """What is searched is spelled as what is stored."""
        return super().get_search_results(request, queryset, nfc(search_term))


@admin.register(Review)
class ReviewAdmin(BaseAdmin):
    """Held, reported and appealed messages, to be approved or rejected."""

    list_display = (
        *("opened_at", "kind", "state", "room_name", "message", "reason", "rule"),
        *("appeal", "claimed_by", "decided_by", "decided_at"),
    )
    list_filter = ("state", "kind", "reason", "message__room")
    ordering = (reviews.URGENT.asc(), "-pk")
    list_select_related = ("message__room", "claimed_by", "decided_by")
    search_fields = ("message__body", "message__author_name")
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

    @admin.display(description=_("room"))
    def room_name(self, review: Review) -> str:
        """The room of the message."""
        return review.message.room.name

    @admin.action(description=_("Approve: post the message"), permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        """Post the chosen messages."""
        self._decide(request, queryset, approve=True)

    @admin.action(description=_("Reject the message"), permissions=["change"])
    def reject(self, request: HttpRequest, queryset: QuerySet[Review]) -> None:
        """Reject the chosen messages."""
        self._decide(request, queryset, approve=False)

    def _decide(self, request: HttpRequest, queryset: QuerySet[Review], *, approve: bool) -> None:
        by = person(request)
        domain_events: list[DomainEvent] = []
        decided = 0
        for review in queryset.order_by("opened_at"):
            try:
                domain_events += reviews.decide(review.pk, approve=approve, by=by).domain_events
            except BusError as error:
                self.message_user(request, f"{review}: {error.text}", messages.WARNING)
                continue
            except DatabaseError as error:
                # Those before are decided, and to be told.
                self.message_user(request, f"{review}: {error}", messages.ERROR)
                break
            decided += 1
        _publish(self, request, events.of_domain_events(domain_events))
        self.message_user(request, _("%(count)d decided.") % {"count": decided})


def _publish(
    model_admin: admin.ModelAdmin, request: HttpRequest, event_batches: events.EventBatches
) -> None:
    try:
        async_to_sync(publisher.publish)(event_batches.rooms, event_batches.authors)
    except BusError as error:
        text = _("Decided and stored, but people see it only when they reload: %(error)s")
        model_admin.message_user(request, text % {"error": error.text}, messages.WARNING)


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    """What members say against messages."""

    list_display = ("created_at", "message", "by_key", "trusted", "reason")
    list_filter = ("trusted",)
    list_select_related = ("message",)


@admin.register(DryRun)
class DryRunAdmin(ReadOnlyAdmin):
    """Dry runs; `manage.py bus moderation dry-run` starts and stops them."""

    list_display = ("created_at", "room", "moderation", "state", "looked", "total", "ended_at")
    list_filter = ("state", "room")
    list_select_related = ("room",)
