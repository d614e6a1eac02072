"""The form by which people sign up."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.forms import BaseUserCreationForm
from django.contrib.auth.forms import UserCreationForm as DjangoUserCreationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from bus.chat import name_policy, taken_names
from bus.protocol.errors import Conflict, Invalid
from config.conf import conf


class SignUpForm(DjangoUserCreationForm):  # type: ignore[type-arg]
    """Makes an account from a name and a password."""

    class Meta(BaseUserCreationForm.Meta):
        model = get_user_model()
        fields = ("username", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if conf.password_reset:
            self.fields["email"].help_text = _(
                "If you forget your password, a link goes there by which you set a new one. "
                "You may leave it empty."
            )
        else:
            del self.fields["email"]

    def clean_username(self) -> str:
        """The name, if others should have to read it, and nobody is taken for somebody else."""
        # Django calls this for a field that was left out, too: then it is None.
        name: str = super().clean_username() or ""
        try:
            name_policy.check(name)
        except Invalid as error:
            raise ValidationError(_("This name is not allowed here.")) from error
        if name_policy.is_reserved(name):
            raise ValidationError(_("This name is reserved."))
        try:
            taken_names.check(taken_names.PERSON, name)
        except Conflict as error:
            raise ValidationError(_("This name looks like somebody else's.")) from error
        return name
