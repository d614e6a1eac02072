"""The forms of the pages."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from bus.protocol.types import spelled_name


class RoomForm(forms.Form):
    """Asks for the name of a room to go to."""

    name = forms.CharField(
        label=_("Go to a room, or make one"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )

    def clean_name(self) -> str:
        """The name as it is spelled; its page knows which room that is."""
        name = spelled_name(self.cleaned_data["name"])
        if name is None:
            raise ValidationError(_("Use letters, digits, - and _, without spaces."))
        return name
