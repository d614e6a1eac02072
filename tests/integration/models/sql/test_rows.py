"""Rows as one parameter, and what is read of a database without the ORM."""

import gc
import threading
import weakref

import pytest
from django.contrib.auth.models import User
from django.db import DEFAULT_DB_ALIAS, connections, models

from bus.chat import room_rights
from bus.enforcement import author_context
from bus.models import Room, Sanction
from bus.models.sql import rights, rows
from bus.protocol import user_ids
from bus.protocol.types import RoomAuthor


def test_a_connection_of_a_thread_that_ended_is_kept_by_nobody(transactional_db: None) -> None:
    found: list[weakref.ref[object]] = []

    def read() -> None:
        fields = rows.fields_of(Sanction, "until")
        assert rows.read(fields, [(None,)]) == [[None]]
        connection = connections[DEFAULT_DB_ALIAS]
        found.append(weakref.ref(connection))
        connection.close()

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    gc.collect()
    assert found[0]() is None


def test_text_that_leads_to_another_table_is_cut_nowhere() -> None:
    """A cast to varchar(n) would make another key of one that is too long."""

    class Person(models.Model):  # noqa: DJ008
        login = models.CharField(primary_key=True, max_length=3)

        class Meta:
            app_label = "bus_test_rows"

    class Card(models.Model):  # noqa: DJ008
        person = models.ForeignKey(Person, models.CASCADE)

        class Meta:
            app_label = "bus_test_rows"

    statement = rows.select_rows("postgresql", rows.fields_of(Card, "person_id"))
    assert "::" not in statement.partition(" FROM ")[0]


@pytest.mark.django_db
def test_a_membership_that_nobody_asked_for_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one whose key differs in case alone, where the database sees no difference."""
    room = Room.objects.create(name="lobby")
    user = User.objects.create_user("mina")
    key = user_ids.key_of(user.pk)
    asked: RoomAuthor = (room.pk, key)
    others = [(room.pk, user.pk + 1, "owner", None)]
    monkeypatch.setattr(rights, "memberships", lambda pairs: others)
    assert author_context.of_authors({room: {key: []}})[asked].role == "member"
    assert not room_rights.rights({room: {key}})[asked].role
