"""System checks of the project's user model, and of what Bus needs to know who somebody is."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from bus.chat import user_adapter
from bus.chat.user_adapter import UserAdapter
from bus.conf import conf
from bus.protocol import user_ids


@register()
def check_key(**_kwargs: Any) -> list[CheckMessage]:
    """The primary key of users can be part of an author key."""
    fault = user_ids.fault()
    if fault is None:
        return []
    return [
        Error(
            f"The primary key of {settings.AUTH_USER_MODEL} cannot tell authors apart: {fault}.",
            hint=f"It may be a number, a UUID, or text of at most {user_ids.TEXT_LIMIT} characters "
            "(max_length).",
            id="bus.E040",
        )
    ]


@register()
def check_adapter(**_kwargs: Any) -> list[CheckMessage]:
    """The class of BUS_USER_ADAPTER can be had."""
    try:
        adapter = user_adapter.current()
    except Exception as error:
        fault = f"cannot be imported: {error}"
    else:
        if isinstance(adapter, UserAdapter):
            return []
        fault = "is no UserAdapter"
    return [
        Error(
            f"BUS_USER_ADAPTER ({conf.user_adapter}) {fault}.",
            hint="Name a class that extends bus.chat.user_adapter.UserAdapter.",
            id="bus.E041",
        )
    ]


@register(Tags.database)
def check_tables(databases: Any = None, **_kwargs: Any) -> list[CheckMessage]:
    """Bus's tables refer to the users of AUTH_USER_MODEL, and not to those of an earlier one."""
    return [
        message
        for alias in databases or ()
        if connections[alias].vendor in ("sqlite", "postgresql")
        for message in _tables_of_another(alias)
    ]


def _tables_of_another(alias: str) -> list[CheckMessage]:
    connection = connections[alias]
    users: Any = get_user_model()._meta.concrete_model
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        for model in apps.get_app_config("bus").get_models():
            table = model._meta.db_table
            columns = [
                field.column
                for field in model._meta.concrete_fields
                if field.remote_field is not None
                and field.remote_field.model._meta.concrete_model is users
            ]
            if not columns or table not in there:
                continue
            referred = connection.introspection.get_relations(cursor, table)
            for column in columns:
                if column in referred and referred[column][1] != users._meta.db_table:
                    found.setdefault(referred[column][1], []).append(f"{table}.{column}")
    return [_another(other, columns, users._meta.db_table) for other, columns in found.items()]


def _another(other: str, columns: list[str], table: str) -> Error:
    return Error(
        f"AUTH_USER_MODEL is {settings.AUTH_USER_MODEL} ({table}), but Bus's tables were made for "
        f"another user model, of the table {other}.",
        hint="Set AUTH_USER_MODEL back, run `migrate bus zero`, which deletes what Bus has stored, "
        "set it again, and run `migrate`. Who wants to keep the chat changes these columns by "
        f"hand: {', '.join(columns)}, and the author keys, u and the primary key.",
        id="bus.E042",
    )
