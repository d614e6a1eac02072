"""Make the demo's rooms and users, and print the logins."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from bus.conf.paths import var_dir
from bus.embedded import private_files
from bus.models import Member, Room
from bus.protocol.errors import Conflict

_ROOMS: dict[str, dict[str, Any]] = {
    "lobby": {
        "title": "Lobby",
        "topic": "Open to everyone. Say hello.",
        "access": Room.Access.OPEN,
        "moderation": Room.Moderation.STANDARD,
    },
    "launch": {
        "title": "Launch",
        "topic": "Moderated: links are held for review.",
        "access": Room.Access.PUBLIC,
        "moderation": Room.Moderation.STRICT,
    },
}


class Command(BaseCommand):
    """Makes what is missing and leaves the rest as it is; `NAME / PASSWORD` lines on stdout."""

    help = "Make the demo's rooms and users where they are missing, and print the logins."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Make rooms, users and the moderator, then print the logins that are still right."""
        if not getattr(settings, "EMBEDDED", False):
            raise CommandError(
                "The demo is for a machine where everything runs embedded: with REDIS_URL or "
                "DATABASE_URL set its moderator could do all there. Nothing was made. "
                "`manage.py createsuperuser` makes a first user."
            )
        for name, values in _ROOMS.items():
            try:
                Room.objects.get_or_create(name=name, defaults=values)
            except Conflict:
                self.stderr.write(f"The room {name} was not made: another one looks like it.")
        for name, password in _passwords(var_dir() / "demo.json").items():
            if _made(name, password) or _is_right(name, password):
                self.stdout.write(f"{name} / {password}")
            else:
                self.stderr.write(
                    f"{name}, or what looks like it, is somebody's own account, and was left as "
                    "it is."
                )


def _made(name: str, password: str) -> bool:
    """Make a user whose name is free; False where somebody has it, or one that looks like it."""
    if get_user_model().objects.filter(username=name).exists():
        return False
    try:
        with transaction.atomic():
            _make(name, password)
    except ValidationError:
        return False
    return True


def _make(name: str, password: str) -> None:
    staff = name == "mod"
    user = get_user_model().objects.create_user(
        name, password=password, is_staff=staff, is_superuser=staff
    )
    launch = Room.objects.filter(name="launch").first()
    if staff and launch is not None:
        Member.objects.create(room=launch, user=user, role=Member.Role.MODERATOR)


def _is_right(name: str, password: str) -> bool:
    user = get_user_model().objects.filter(username=name).first()
    return user is not None and user.check_password(password)


def _passwords(path: Path) -> dict[str, str]:
    """The users' passwords: those of the last start, where they are known. Kept before they are
    used, so that no user is made whose password nobody knows."""
    try:
        known: dict[str, str] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        known = {}
    passwords = {name: known.get(name) or secrets.token_urlsafe(9) for name in ("demo", "mod")}
    if passwords != known:
        private_files.make_directory(path.parent)
        path.touch(mode=0o600)
        path.write_text(json.dumps(passwords), "utf-8")
    return passwords
