from typing import Any

from django.db import migrations

from bus.models.listing import keys_of
from bus.protocol.types import canonical_name


def spell(apps: Any, _schema_editor: Any) -> None:
    """Spell the names of rooms as new ones are, unless another room has that name already."""
    Room = apps.get_model("bus", "Room")
    TakenName = apps.get_model("bus", "TakenName")
    rooms = Room.objects.order_by("pk").values_list("pk", "name", "title")
    # At once, since they are changed meanwhile.
    for pk, name, title in list(rooms):
        canonical = canonical_name(name)
        if canonical in (None, name) or Room.objects.filter(name=canonical).exists():
            continue
        # What people read stays as it was.
        Room.objects.filter(pk=pk).update(name=canonical, title=title or name)
        TakenName.objects.filter(kind="room", name=name).update(name=canonical)
        _list(apps, Room.objects.get(pk=pk))


def _list(apps: Any, room: Any) -> None:
    """Let the lobby find it by what it is called now."""
    Listing = apps.get_model("bus", "Listing")
    Listing.objects.filter(room=room).delete()
    found = [Listing(room=room, access=room.access, key=key) for key in set(keys_of(room))]
    Listing.objects.bulk_create(found)


class Migration(migrations.Migration):
    dependencies = [("bus", "0012_guest_networks")]

    operations = [migrations.RunPython(spell, migrations.RunPython.noop)]
