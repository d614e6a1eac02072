"""Rooms, their members and their rules."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bus.admin.base import BaseAdmin, person
from bus.chat import taken_names
from bus.enforcement import room_policies, room_settings
from bus.models import Member, Room
from bus.protocol.errors import BusError
from bus.protocol.types import canonical_name

# In raid mode accounts that are younger than this wait for a moderator.
RAID_SECONDS = 3600
# What a room is judged by; its changes are versioned and logged.
RULES = ("moderation", "policy_parts", "conduct", "slow_mode", "newcomer_wait")


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


class MemberInline(admin.TabularInline):
    """A room's members on the room's page."""

    model = Member
    extra = 0

    def get_autocomplete_fields(self, _request: HttpRequest) -> tuple[str, ...]:
        """Users are found by what their own admin searches, where there is one that does."""
        users = get_user_model()
        found = self.admin_site.is_registered(users) and self.admin_site.get_model_admin(users)
        return ("user",) if found and found.search_fields else ()

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        """Without, a user is named by the primary key: a list of all would have no end."""
        if db_field.name == "user" and not self.get_autocomplete_fields(request):
            widget = ForeignKeyRawIdWidget(db_field.remote_field, self.admin_site)
            return db_field.formfield(widget=widget)  # type: ignore[no-any-return]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Room)
class RoomAdmin(BaseAdmin):
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
                room_policies.raid(room.pk, seconds, by=person(request))
                changed += 1
            except BusError as error:
                self.message_user(request, f"{room}: {error.text}", messages.WARNING)
        self.message_user(request, _("%(count)d rooms changed.") % {"count": changed})

    def get_readonly_fields(self, request: HttpRequest, obj: Room | None = None) -> tuple[str, ...]:
        """The name is the room's address, and stays; what people read is the title."""
        return ("head",) if obj is None else ("head", "name")

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        """Write what was changed, and not the head, which a worker may be moving meanwhile."""
        other_fields = set(form.changed_data) - {*RULES, "opened"}
        if not change:
            obj.save()
        elif other_fields:
            obj.save(update_fields=other_fields)
        if change and form.rules_changed():
            values = form.cleaned_data
            room_policies.put(
                obj.pk,
                by=person(request),
                moderation=values["moderation"],
                parts=values["policy_parts"],
                ways=values["conduct"],
                slow_mode=values["slow_mode"],
                newcomer_wait=values["newcomer_wait"],
                version=values["opened"],
                reason="in the admin",
            )
