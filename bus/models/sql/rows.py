"""Rows as few parameters: texts, which the database takes apart outside of Python's lock.

A parameter for each value, as the ORM sends them, costs Python several times as much. PostgreSQL
gets what is looked up as an array for each column: its planner takes any JSON for 100 rows, and
would read a whole table for one key. All else is one JSON. Statements are made once for each
database, with the names that the models' own tables and columns have.

Read: Django 5.2.19, Django 6.0.10, Django 6.1.3 (db/models/base.py, db/models/expressions.py).
Relies on:
    django.db.models.base.ModelState: adding, db, fields_cache
    django.db.models.base.Model.from_db: `new._state.adding = False`, `new._state.db = db`
    django.db.models.base.Model.get_deferred_fields: `if f.attname not in self.__dict__`
    django.db.models.expressions.Col: get_db_converters
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Field, Model, TextField
from django.db.models.base import ModelState
from pydantic_core import to_json

from bus.protocol import user_ids

M = TypeVar("M", bound=Model)
# What PostgreSQL calls whole numbers.
_NUMBERS = {"smallint", "integer", "bigint"}
# A column's place in the row, the column, and what makes its value.
_Converter = tuple[int, Any, Callable[..., Any]]


def listed(values: Iterable[object]) -> str:
    """Rows, or single values, as the parameter of `select_rows`."""
    return to_json(list(values)).decode()


def keys(vendor: str, values: Iterable[Sequence[object]]) -> list[str]:
    """Rows as the parameters of `select_keys`; none of them has a null."""
    if vendor == "sqlite":
        return [listed(values)]
    return [_array(column) for column in zip(*values, strict=True)]


def _array(values: Sequence[object]) -> str:
    """An array as PostgreSQL reads it; numbers need no quotes."""
    return f"{{{','.join([str(v) if type(v) is int else _quoted(str(v)) for v in values])}}}"


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def fields_of(model: type[Model], *names: str) -> list[Field[Any, Any]]:
    """Fields of a model, by the names that its columns have in Python."""
    known = {field.attname: field for field in model._meta.concrete_fields}
    return [known[name] for name in names]


def columns(fields: Iterable[Field[Any, Any]], table: str = "") -> str:
    """The columns of fields, parted by commas, of a table that is called so in the statement."""
    before = f"{table}." if table else ""
    return ", ".join(before + column(field) for field in fields)


def column(field: Field[Any, Any]) -> str:
    """The column of a field, as it stands in a statement."""
    return connection.ops.quote_name(str(field.column))


def table(model: type[Model]) -> str:
    """The table of a model, as it stands in a statement."""
    return connection.ops.quote_name(model._meta.db_table)


def same(fields: Iterable[Field[Any, Any]], one: str, other: str) -> str:
    """That the columns of fields are the same in two tables of a statement."""
    return " AND ".join(
        f"{one}.{name} = {other}.{name}" for name in (column(field) for field in fields)
    )


def select_rows(vendor: str, fields: Sequence[Field[Any, Any]]) -> str:
    """What makes a table of the parameter, whose rows are lists of these fields' values."""
    if vendor == "sqlite":
        parts = [f"json_extract(value, '$[{at}]')" for at in range(len(fields))]
        source = "json_each(%s)"
    else:
        # Text without a cast: one to varchar(n) would cut in silence what is too long.
        parts = [_cast(f"(value->>{at})", field) for at, field in enumerate(fields)]
        source = "jsonb_array_elements(%s::jsonb) AS value"
    named = [f"{part} AS {column(field)}" for part, field in zip(parts, fields, strict=True)]
    return f"SELECT {', '.join(named)} FROM {source}"


def select_keys(vendor: str, fields: Sequence[Field[Any, Any]]) -> str:
    """What makes a table of what `keys` made of such rows."""
    if vendor == "sqlite":
        return select_rows(vendor, fields)
    arrays = ", ".join(f"%s::{_type_of(field)}[]" for field in fields)
    return f"SELECT * FROM unnest({arrays}) AS given ({columns(fields)})"


def _cast(part: str, field: Field[Any, Any]) -> str:
    kind = _type_of(field)
    return part if kind == "text" else f"{part}::{kind}"


def _type_of(field: Field[Any, Any]) -> str:
    """The type by which PostgreSQL reads a value that a column may have."""
    if isinstance(getattr(field, "target_field", field), CharField | TextField):
        return "text"
    kind = field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
    # A number that no such column can hold is in no row; its own type would refuse to be asked.
    return "bigint" if kind in _NUMBERS else str(kind)


def read(fields: Sequence[Field[Any, Any]], found: Iterable[Sequence[Any]]) -> list[list[Any]]:
    """Rows of these fields as a database answers them, with the values that the ORM has."""
    # Of this thread: looking for it anew costs as much as to read a value.
    database = connections[DEFAULT_DB_ALIAS]
    converters = _converters(database, tuple(fields))
    made = [list(row) for row in found]
    for at, column, converter in converters:
        for row in made:
            row[at] = converter(row[at], column, database)
    return made


def instance(model: type[M], *, stored: bool) -> M:
    """An instance without values, made without __init__: that takes longer than all else."""
    made = model.__new__(model)
    made._state = state = ModelState()
    if stored:
        state.adding, state.db = False, connection.alias
    return made


def _converters(
    database: BaseDatabaseWrapper, fields: tuple[Field[Any, Any], ...]
) -> list[_Converter]:
    """Those of the columns that need one, in the order in which the ORM asks them."""
    # They are bound to a thread's connection, so they are kept with it, and end with it.
    known: dict[tuple[Field[Any, Any], ...], list[_Converter]]
    known = database.__dict__.setdefault("bus_converters", {})
    if (found := known.get(fields)) is None:
        found = known[fields] = []
        for at, field in enumerate(fields):
            column = field.get_col(field.model._meta.db_table)
            each = [*database.ops.get_db_converters(column), *column.get_db_converters(database)]
            found += [(at, column, converter) for converter in each]
    return found


def stored_user(user: object) -> object:
    """The primary key of a user as JSON brings it to the database's own type for it."""
    value = user_ids.primary_key().get_db_prep_value(user, connection)
    return value if isinstance(value, int) else str(value)
