import sys
from typing import Any

from django.db import migrations

from bus.unicode.normal_form import nfc

_CHUNK = 1000


def compose(apps: Any, _schema_editor: Any) -> None:
    """Have every stored text in NFC, as what is written from now on.

    It looks the same, so nobody is told; a few rows at a time, while messages come and go. What
    grows by it, and would no longer fit where it is, stays as it was.
    """
    _compose(apps.get_model("bus", "Message"), "body", "author_name")
    _compose(apps.get_model("bus", "Room"), "title", "topic")
    _compose(apps.get_model("bus", "Label"), "text")


def _compose(model: Any, *fields: str) -> None:
    limits = {name: model._meta.get_field(name).max_length or sys.maxsize for name in fields}
    last = 0
    while rows := list(
        model.objects.filter(pk__gt=last).order_by("pk").values_list("pk", *fields)[:_CHUNK]
    ):
        for pk, *texts in rows:
            told = dict(zip(fields, texts, strict=True))
            composed = {name: nfc(text) for name, text in told.items()}
            changed = {
                name: text
                for name, text in composed.items()
                if text != told[name] and len(text) <= limits[name]
            }
            if changed:
                # What was edited or removed meanwhile stays so.
                model.objects.filter(pk=pk, **{name: told[name] for name in changed}).update(
                    **changed
                )
        last = rows[-1][0]


class Migration(migrations.Migration):
    # Each change by itself: a table of messages is not to be locked for as long as this takes.
    atomic = False
    dependencies = [("bus", "0014_times_by_the_shared_clock")]

    operations = [migrations.RunPython(compose, migrations.RunPython.noop)]
