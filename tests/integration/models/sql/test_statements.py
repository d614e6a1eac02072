"""Statements by the driver's own cursor: they answer, fail and are seen as by Django's."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import (
    DEFAULT_DB_ALIAS,
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bus.models import Room, Sanction
from bus.models.sql import messages, rights, rooms, rows, statements

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture(autouse=True)
def lobby(db: None) -> Room:
    return Room.objects.create(name="lobby", title="it's 100% “mine” ?", access="open")


@pytest.fixture
def by_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes by Django's cursor."""

    def refuse(*_: Any) -> None:
        pytest.fail("this went by Django's cursor")

    monkeypatch.setattr(statements, "by_cursor", refuse)


def both(statement: str, *parameters: Any) -> statements.Rows:
    found = statements.run(statement, *parameters)
    assert found == statements.by_cursor(connection, statement, parameters)
    return found


def test_each_answers_as_by_djangos_cursor(lobby: Room) -> None:
    Sanction.objects.create(
        room=lobby, author_key="g1", kind="mute", created_at=NOW, until=NOW + dt.timedelta(hours=1)
    )
    message = messages.new(
        lobby, status="held", author_key="g1", author_name="mina", client_id="c1",
        body="one", reason="", created_at=NOW, verdict={"score": 0.5},
    )  # fmt: skip
    messages.insert([message])
    vendor = connection.vendor
    asked = rows.keys(vendor, [(lobby.pk,)])
    assert len(both(rooms._select(vendor, "id"), *asked)) == 1
    assert both(messages._find(vendor), *rows.keys(vendor, [(lobby.pk, "g1", "c1")]))
    until = rights._UNTIL.get_db_prep_value(NOW, connection)
    assert both(rights._in_force(vendor), *rows.keys(vendor, [(lobby.pk, "g1")]), until)
    assert both(rooms._heads(vendor), *rows.keys(vendor, [(lobby.pk, 7)])) == []
    lobby.refresh_from_db()
    assert lobby.head == 7


def test_it_goes_by_the_driver(by_driver: None, lobby: Room) -> None:
    assert [room.name for room in rooms.by_names(["lobby"])] == ["lobby"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_key_of_any_text_arrives_as_it_is(texts: list[str]) -> None:
    vendor = connection.vendor
    fields = messages._KEY
    keys = [(number, text, text[::-1]) for number, text in enumerate(texts)]
    found = statements.run(
        rows.select_keys(vendor, fields), *rows.keys(vendor, keys or [(1, "", "")])
    )
    assert found == (keys or [(1, "", "")])


def test_whoever_looks_at_what_is_asked_sees_it(lobby: Room) -> None:
    with CaptureQueriesContext(connection) as seen:
        rooms.by_names(["lobby"])
    assert len(seen) == 1
    told: list[str] = []

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        told.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(wrapper):
        rooms.by_names(["lobby"])
    assert len(told) == 1


def test_errors_are_djangos(by_driver: None, lobby: Room) -> None:
    row = {"status": "held", "author_key": "g1", "author_name": "", "reason": "", "body": "x"}
    twice = [messages.new(lobby, client_id="c", created_at=NOW, **row) for _ in range(2)]
    with pytest.raises(IntegrityError), transaction.atomic():
        messages.insert(twice)
    with pytest.raises((DataError, OperationalError)), transaction.atomic():
        statements.run("SELECT * FROM unnest('{1'::bigint[])")


def test_nothing_is_asked_in_a_transaction_that_is_broken(by_driver: None) -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            rooms.by_names(["lobby"])


def test_a_backend_that_adds_to_djangos_goes_by_its_own_cursors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one of tenants, whose cursors each set a search path."""
    database = connections[DEFAULT_DB_ALIAS]

    class OfTenants(type(database)):  # type: ignore[misc]
        pass

    told: list[str] = []

    def by_cursor(_database: object, statement: str, _parameters: object) -> statements.Rows:
        told.append(statement)
        return []

    monkeypatch.setattr(database, "__class__", OfTenants)
    monkeypatch.setattr(statements, "by_cursor", by_cursor)
    assert rooms.by_names(["lobby"]) == []
    assert len(told) == 1
