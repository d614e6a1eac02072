"""`manage.py createsuperuser`: Django's own, which looks at a password of the environment, too."""

from __future__ import annotations

import os
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError


class Command(createsuperuser.Command):
    """Refuses DJANGO_SUPERUSER_PASSWORD where a form would refuse it."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Make the superuser."""
        password = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        if password is not None and not options["interactive"]:
            field = get_user_model().USERNAME_FIELD
            name = options[field] or os.environ.get(f"DJANGO_SUPERUSER_{field.upper()}", "")
            try:
                validate_password(password, get_user_model()(**{field: name}))
            except ValidationError as error:
                raise CommandError(
                    "DJANGO_SUPERUSER_PASSWORD: " + " ".join(error.messages)
                ) from error
        return super().handle(*args, **options)
