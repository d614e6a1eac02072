"""Make the demo's rooms and users, and print the logins."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from bus.conf import var_dir
from bus.models import Member, Room

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
        """Make rooms, users and the moderator, then print the logins."""
        for name, values in _ROOMS.items():
            Room.objects.get_or_create(name=name, defaults=values)
        path = var_dir() / "demo.json"
        passwords = _read(path)
        for name in ("demo", "mod"):
            passwords[name] = _user(name, passwords.get(name))
        _write(path, passwords)
        launch = Room.objects.get(name="launch")
        Member.objects.get_or_create(
            room=launch,
            user=User.objects.get(username="mod"),
            defaults={"role": Member.Role.MODERATOR},
        )
        for name in ("demo", "mod"):
            self.stdout.write(f"{name} / {passwords[name]}")


def _user(name: str, password: str | None) -> str:
    """Make a user, or repair its password when what we know of it is lost; returns the password."""
    user, made = User.objects.get_or_create(
        username=name, defaults={"is_staff": name == "mod", "is_superuser": name == "mod"}
    )
    if made or password is None:
        password = password or secrets.token_urlsafe(9)
        user.set_password(password)
        user.save(update_fields=["password"])
    return password


def _read(path: Path) -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return known


def _write(path: Path, passwords: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(passwords), "utf-8")
