from collections.abc import Iterable
from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import migrations, models

from bus.moderation import lookalike

_CHUNK = 1000


def take_all(apps: Any, _schema_editor: Any) -> None:
    """Give every name that there is to who has it: of two that look alike, to the older one."""
    TakenName = apps.get_model("bus", "TakenName")
    User = apps.get_model(settings.AUTH_USER_MODEL)
    Room = apps.get_model("bus", "Room")
    Message = apps.get_model("bus", "Message")
    if get_user_model().USERNAME_FIELD == "username":
        # Others are called as the project says; they are noted after all migrations.
        users = User.objects.order_by("pk").values_list("username", flat=True)
        _take(TakenName, "person", ((name, "") for name in users.iterator(_CHUNK)))
    rooms = Room.objects.order_by("pk").values_list("name", flat=True)
    _take(TakenName, "room", ((name, "") for name in rooms.iterator(_CHUNK)))
    # What users were called before, and services are, as messages show it.
    written = Message.objects.exclude(author_key__startswith="g")
    shown = written.order_by().values_list("author_name", "author_key").distinct()
    _take(TakenName, "person", shown.iterator(_CHUNK))


def _take(taken_name: Any, kind: str, names: Iterable[tuple[str, str]]) -> None:
    waiting = iter(names)
    while chunk := list(islice(waiting, _CHUNK)):
        taken_name.objects.bulk_create(
            [
                taken_name(kind=kind, skeleton=lookalike(name), name=name, left_by=key)
                for name, key in chunk
            ],
            ignore_conflicts=True,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("bus", "0009_newcomers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TakenName",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("person", "person"), ("room", "room")],
                        max_length=6,
                        verbose_name="kind",
                    ),
                ),
                ("skeleton", models.CharField(max_length=300, verbose_name="skeleton")),
                ("name", models.CharField(max_length=150, verbose_name="name")),
                (
                    "left_by",
                    models.CharField(blank=True, max_length=64, verbose_name="left by"),
                ),
                ("taken_at", models.DateTimeField(auto_now_add=True, verbose_name="taken")),
            ],
            options={
                "verbose_name": "taken name",
                "verbose_name_plural": "taken names",
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "skeleton"), name="name_taken_once")
                ],
            },
        ),
        migrations.RunPython(take_all, migrations.RunPython.noop),
    ]
