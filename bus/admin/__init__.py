"""Django admin for rooms, messages, reviews, sanctions, and the log of what was done."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bus.admin.changelist import Answering
from bus.chat import api_keys, taken_names
from bus.enforcement import audit, room_policies, room_settings, sanctions
from bus.messaging import publisher
from bus.models import (
    ApiKey,
    AuditEntry,
    DryRun,
    Member,
    Message,
    Report,
    Review,
    Room,
    Sanction,
    Strike,
)
from bus.posting import events
from bus.posting.outcomes import Fact
from bus.protocol.errors import BusError
from bus.protocol.types import canonical_name
from bus.review import reviews
from bus.unicode.normal_form import nfc

# In raid mode accounts that are younger than this wait for a moderator.
RAID_SECONDS = 3600
# What a room is judged by; its changes are versioned and logged.
RULES = ("moderation", "policy_parts", "conduct", "slow_mode", "newcomer_wait")


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


class Document(forms.JSONField):
    """JSON that is shown again whatever was entered."""

    def prepare_value(self, value: Any) -> Any:
        """The JSON, with halves of surrogate pairs as they were written."""
        shown = super().prepare_value(value)
        if isinstance(shown, str):
            shown = shown.encode("utf-8", "backslashreplace").decode()
        return shown


class RoomForm(forms.ModelForm):
    """A room, whose rules hold, and are those that were looked at when they were changed."""

    class Meta:
        field_classes: ClassVar = {"policy_parts": Document, "conduct": Document}

    # The version of the rules that the form was opened with.
    opened = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["opened"] = self.instance.policy_version

    def clean(self) -> dict[str, Any]:
        """Name the part of the rules that does not hold, and refuse to write over newer ones."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        # An emptied field is None.
        for name in ("policy_parts", "conduct"):
            values[name] = values.get(name) or {}
        values["newcomer_wait"] = values.get("newcomer_wait") or 0
        if not self.instance.pk:
            self._check_name(str(values.get("name", "")))
        if self.instance.pk and self.rules_changed():
            self._check_version(values.get("opened"))
        try:
            stored = self.initial.get("policy_parts") or {}
            room_policies.take_parts(values.get("moderation", ""), values["policy_parts"], stored)
        except BusError as error:
            self.add_error("policy_parts", error.text)
        try:
            room_settings.parse(values["conduct"])
        except BusError as error:
            self.add_error("conduct", error.text)
        try:
            room_policies.check_slow_mode(values.get("slow_mode") or 0)
        except BusError as error:
            self.add_error("slow_mode", error.text)
        try:
            room_policies.check_newcomer_wait(values["newcomer_wait"])
        except BusError as error:
            self.add_error("newcomer_wait", error.text)
        return values

    def rules_changed(self) -> bool:
        """Whether any of the rules is another one; an empty object counts as changed in a field."""
        return any(self.cleaned_data.get(name) != self.initial[name] for name in RULES)

    def _check_name(self, name: str) -> None:
        name = canonical_name(name) or ""
        try:
            if name and not Room.objects.filter(name=name).exists():
                taken_names.check(taken_names.ROOM, name)
        except BusError:
            self.add_error("name", _("This name looks like that of another room."))

    def _check_version(self, opened: int | None) -> None:
        # Locked until the request is done, so that nobody changes them before they are written.
        rooms = Room.objects.select_for_update().filter(pk=self.instance.pk)
        if rooms.values_list("policy_version", flat=True).first() != opened:
            self.add_error(None, room_policies.CHANGED_MEANWHILE)


class ReadOnly(Answering):
    """What is to be looked at: services alone write it."""

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Services alone add."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Services alone change."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """What is there is evidence."""
        return False


class MemberInline(admin.TabularInline):
    """A room's members on the room's page."""

    model = Member
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Room)
class RoomAdmin(Answering):
    """Rooms, with their members."""

    form = RoomForm
    list_display = ("name", "title", "access", "moderation", "slow_mode", "head", "archived_at")
    list_filter = ("access", "moderation")
    search_fields = ("name", "title")
    inlines = (MemberInline,)
    actions = ("raid", "calm")

    @admin.action(
        description=_("Raid mode: hold what accounts younger than an hour write"),
        permissions=["change"],
    )
    def raid(self, request: HttpRequest, queryset: QuerySet[Room]) -> None:
        """Hold what newcomers write in the chosen rooms."""
        self._raid(request, queryset, RAID_SECONDS)

    @admin.action(description=_("End raid mode"), permissions=["change"])
    def calm(self, request: HttpRequest, queryset: QuerySet[Room]) -> None:
        """Hold it no more."""
        self._raid(request, queryset, 0)

    def _raid(self, request: HttpRequest, queryset: QuerySet[Room], seconds: int) -> None:
        changed = 0
        for room in queryset:
            try:
                room_policies.raid(room.pk, seconds, by=_person(request))
                changed += 1
            except BusError as error:
                self.message_user(request, f"{room}: {error.text}", messages.WARNING)
        self.message_user(request, _("%(count)d rooms changed.") % {"count": changed})

    def get_readonly_fields(self, request: HttpRequest, obj: Room | None = None) -> tuple[str, ...]:
        """The name is the room's address, and stays; what people read is the title."""
        return ("head",) if obj is None else ("head", "name")

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        """Write what was changed, and not the head, which a worker may be moving meanwhile."""
        plain = set(form.changed_data) - {*RULES, "opened"}
        if not change:
            obj.save()
        elif plain:
            obj.save(update_fields=plain)
        if change and form.rules_changed():
            values = form.cleaned_data
            room_policies.put(
                obj.pk,
                by=_person(request),
                moderation=values["moderation"],
                parts=values["policy_parts"],
                ways=values["conduct"],
                slow_mode=values["slow_mode"],
                newcomer_wait=values["newcomer_wait"],
                version=values["opened"],
                reason="in the admin",
            )


class PersonForm(forms.ModelForm):
    """A user, whose name looks like nobody else's."""

    def clean_username(self) -> str:
        """The name, if it can be had."""
        name = str(self.cleaned_data["username"])
        try:
            taken_names.check(taken_names.PERSON, name, f"u{self.instance.pk}")
        except BusError as error:
            raise ValidationError(_("This name looks like somebody else's.")) from error
        return name


class NewPersonForm(PersonForm, AdminUserCreationForm):
    """A user who is made in the admin."""

    def clean_username(self) -> str:
        """The name, if nobody has it, nor one that looks like it."""
        AdminUserCreationForm.clean_username(self)
        return super().clean_username()


class KnownPersonForm(PersonForm, UserChangeForm):
    """A user who is changed in the admin."""


class PersonAdmin(Answering, UserAdmin):
    """Users, as Django shows them."""

    form = KnownPersonForm
    add_form = NewPersonForm


# Who has an admin of their own for users keeps it.
if type(admin.site.get_model_admin(User)) is UserAdmin:
    admin.site.unregister(User)
    admin.site.register(User, PersonAdmin)


def _have_answer(app: str) -> None:
    """Lists of others, as they are, but for what would be an error where a lookup has no sense."""
    if not apps.is_installed(app):
        return
    import_module(f"{app}.admin")
    for model in filter(
        admin.site.is_registered, apps.get_app_config(app.split(".")[-1]).get_models()
    ):
        theirs = type(admin.site.get_model_admin(model))
        if theirs.__module__ == f"{app}.admin":
            admin.site.unregister(model)
            admin.site.register(model, type(theirs.__name__, (Answering, theirs), {}))


_have_answer("django.contrib.auth")
_have_answer("axes")


@admin.register(Message)
class MessageAdmin(ReadOnly):
    """Messages, to be read: a change without its seq would reach nobody."""

    list_display = ("created_at", "room", "seq", "author_name", "status", "reason", "body")
    list_filter = ("status", "reason", "room")
    search_fields = ("body", "author_name")
    list_select_related = ("room",)
    date_hierarchy = "created_at"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        """What is searched is spelled as what is stored."""
        return super().get_search_results(request, queryset, nfc(search_term))


@admin.register(Review)
class ReviewAdmin(Answering):
    """Held, reported and appealed messages, to be approved or rejected."""

    list_display = (
        *("opened_at", "kind", "state", "place", "message", "reason", "rule"),
        *("appeal", "claimed_by", "decided_by", "decided_at"),
    )
    list_filter = ("state", "kind", "reason", "message__room")
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
    def place(self, review: Review) -> str:
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
        by = _person(request)
        facts: list[Fact] = []
        decided = 0
        for review in queryset.order_by("opened_at"):
            try:
                facts += reviews.decide(review.pk, approve=approve, by=by).facts
            except BusError as error:
                self.message_user(request, f"{review}: {error.text}", messages.WARNING)
                continue
            except DatabaseError as error:
                # Those before are decided, and to be told.
                self.message_user(request, f"{review}: {error}", messages.ERROR)
                break
            decided += 1
        _publish(self, request, events.of_facts(facts))
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
class SanctionAdmin(Answering):
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
        obj.created_by = _person(request)
        sanctions.store(obj, audit.person(obj.created_by))

    @admin.action(description=_("Lift: end it now"), permissions=["change"])
    def lift(self, request: HttpRequest, queryset: QuerySet[Sanction]) -> None:
        """End the chosen sanctions."""
        lifted = 0
        for sanction in queryset:
            try:
                sanctions.lift(sanction.pk, by=_person(request), reason="in the admin")
                lifted += 1
            except BusError as error:
                self.message_user(request, f"{sanction}: {error.text}", messages.WARNING)
        self.message_user(request, _("%(count)d lifted.") % {"count": lifted})


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    """The audit log: who did what to whom, why, and how to undo it."""

    list_display = ("at", "room_name", "action", "actor", "author_key", "reason", "undo")
    list_filter = ("action", "room_name")
    search_fields = ("actor", "author_key", "reason")
    date_hierarchy = "at"


@admin.register(Report)
class ReportAdmin(ReadOnly):
    """What members say against messages."""

    list_display = ("created_at", "message", "by_key", "trusted", "reason")
    list_filter = ("trusted",)
    list_select_related = ("message",)


@admin.register(Strike)
class StrikeAdmin(ReadOnly):
    """Rejected messages, as they count against their authors."""

    list_display = ("id", "created_at", "room", "author_key", "rule", "message", "forgiven_at")
    list_filter = ("room", "rule")
    search_fields = ("author_key",)
    list_select_related = ("room", "message")


@admin.register(DryRun)
class DryRunAdmin(ReadOnly):
    """Dry runs; `manage.py moderation dry-run` starts and stops them."""

    list_display = ("created_at", "room", "moderation", "state", "looked", "total", "ended_at")
    list_filter = ("state", "room")
    list_select_related = ("room",)


@admin.register(ApiKey)
class ApiKeyAdmin(Answering):
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
