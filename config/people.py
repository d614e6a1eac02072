"""Users, under names that look like nobody else's."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from bus.admin.base import BaseAdmin
from bus.chat import taken_names
from bus.protocol.errors import BusError


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


class PersonAdmin(BaseAdmin, UserAdmin):
    """Users, as Django shows them."""

    form = KnownPersonForm
    add_form = NewPersonForm


# Who has an admin of their own for users keeps it, and so does a user model of the project's own.
if admin.site.is_registered(User) and type(admin.site.get_model_admin(User)) is UserAdmin:
    admin.site.unregister(User)
    admin.site.register(User, PersonAdmin)
