import django.db.models.deletion
from django.db import migrations, models

from bus.models.listing import keys_of

_BATCH = 500


def list_rooms(apps, schema_editor):
    rooms = apps.get_model("bus", "Room").objects.defer("policy_parts", "conduct")
    listings = apps.get_model("bus", "Listing").objects
    for room in rooms.order_by("pk").iterator(chunk_size=_BATCH):
        made = [
            listings.model(room=room, access=room.access, key=key) for key in set(keys_of(room))
        ]
        listings.bulk_create(made)


class Migration(migrations.Migration):
    dependencies = [("bus", "0010_taken_name")]

    operations = [
        migrations.CreateModel(
            name="Listing",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("access", models.CharField(max_length=8)),
                ("key", models.BinaryField()),
                (
                    "room",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="bus.room",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["access", "key"], name="listing_by_key")],
                "constraints": [
                    models.UniqueConstraint(fields=("room", "key"), name="listing_once")
                ],
            },
        ),
        migrations.RunPython(list_rooms, migrations.RunPython.noop),
    ]
