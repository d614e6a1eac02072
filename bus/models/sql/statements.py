"""Runs a statement: by the driver's own cursor where that is all that Django's would do.

Django's cursors, wrappers and conversions take half as long again as a small statement does; a list
of one message runs six of them.

Read: Django 5.2.19, Django 6.0.10, Django 6.1.3 (db/backends/base/base.py, db/backends/utils.py).
Relies on:
    django.db.backends.base.base.BaseDatabaseWrapper: execute_wrappers, queries_logged,
        close_if_health_check_failed, ensure_connection, validate_no_broken_transaction,
        wrap_database_errors
    django.db.backends.base.base.BaseDatabaseWrapper._cursor: `self.ensure_connection()`
    django.db.backends.utils.CursorWrapper._execute: `self.db.validate_no_broken_transaction()`
    django.db.backends.sqlite3.base.DatabaseWrapper: create_cursor
    django.db.backends.postgresql.base.DatabaseWrapper: create_cursor
    django.db.backends.postgresql.psycopg_any: is_psycopg3
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

Rows = list[tuple[Any, ...]]
# Runs a statement of %s with its parameters on a driver's connection.
_Driver = Callable[[Any, str, tuple[Any, ...]], Rows]


def run(statement: str, *parameters: Any) -> Rows:
    """The rows that a statement answers, [] where it answers none; raises as Django's cursor."""
    database = connections[DEFAULT_DB_ALIAS]
    driver = _driver(type(database).__module__)
    # Who logs or wraps what is asked has to see it.
    if driver is None or database.execute_wrappers or database.queries_logged:
        return by_cursor(database, statement, parameters)
    database.close_if_health_check_failed()
    database.ensure_connection()
    database.validate_no_broken_transaction()
    with database.wrap_database_errors:
        return driver(database.connection, statement, parameters)


def by_cursor(database: BaseDatabaseWrapper, statement: str, parameters: tuple[Any, ...]) -> Rows:
    """The same by Django's own cursor."""
    with database.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


@cache
def _driver(backend: str) -> _Driver | None:
    """By the module of a backend; None of one not Django's own, whose cursors may do more."""
    if backend == "django.db.backends.sqlite3.base":
        return _of_sqlite
    if backend == "django.db.backends.postgresql.base":
        from django.db.backends.postgresql.psycopg_any import is_psycopg3

        return _of_psycopg() if is_psycopg3 else None
    return None


def _of_sqlite(connection: Any, statement: str, parameters: tuple[Any, ...]) -> Rows:
    found: Rows = connection.execute(_question_marks(statement), parameters).fetchall()
    return found


@cache
def _question_marks(statement: str) -> str:
    return statement.replace("%s", "?")


def _of_psycopg() -> _Driver:
    from psycopg import Cursor

    def run(connection: Any, statement: str, parameters: tuple[Any, ...]) -> Rows:
        # The server binds: Django's cursor would write the parameters into the text.
        cursor = Cursor(connection)
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    return run
