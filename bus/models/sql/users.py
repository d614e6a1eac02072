"""Users of the project's model, where it reads them as Django's own does.

Read: Django 5.2.19, Django 6.0.10, Django 6.1.3 (db/models/manager.py, db/models/fields).
Relies on:
    django.db.models.manager.BaseManager: get_queryset
    django.db.models.manager.BaseManager.get_queryset: `return self._queryset_class(`
    django.db.models.fields.Field: select_format
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection
from django.db.models import Field, Manager, QuerySet

from bus.models.sql import rows, statements


def by_ids(ids: Collection[Any]) -> list[AbstractBaseUser] | None:
    """The users of these primary keys, made as the ORM makes them; None where only the ORM can.

    It can alone where the model's manager says which users there are, or where they lie in more
    than one table.
    """
    if not _read_plainly() or get_user_model()._default_manager.db != connection.alias:
        return None
    if not ids:
        return []
    model, vendor = get_user_model(), connection.vendor
    fields = model._meta.concrete_fields
    names = [field.attname for field in fields]
    asked = rows.keys(vendor, [(rows.stored_user(user),) for user in ids])
    found = statements.run(_select(vendor), *asked)
    alias = connection.alias
    return [model.from_db(alias, names, values) for values in rows.read(fields, found)]


@cache
def _read_plainly() -> bool:
    model: Any = get_user_model()
    manager = model._default_manager
    return (
        type(manager).get_queryset is Manager.get_queryset
        and manager._queryset_class is QuerySet
        and not model._meta.concrete_model._meta.parents
        and all(
            type(field).select_format is Field.select_format
            for field in model._meta.concrete_fields
        )
    )


@cache
def _select(vendor: str) -> str:
    model = get_user_model()
    key: Any = model._meta.pk
    return (
        f"SELECT {rows.columns(model._meta.concrete_fields)} FROM {rows.table(model)}"
        f" WHERE {rows.column(key)} IN ({rows.select_keys(vendor, [key])})"
    )
