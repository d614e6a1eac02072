"""What keeps a project's user model, or its hooks, from working is named before anything starts."""

import pytest
from django.db.models import (
    BigAutoField,
    BinaryField,
    CharField,
    EmailField,
    Field,
    IntegerField,
    TextField,
    UUIDField,
)
from pytest_django import Settings

from bus.chat.user_checks import check_adapter, check_key
from bus.protocol import user_ids


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        (BigAutoField(primary_key=True), None),
        (IntegerField(primary_key=True), None),
        (UUIDField(primary_key=True), None),
        (CharField(primary_key=True, max_length=63), None),
        (CharField(primary_key=True, max_length=64), "it may have 64 characters"),
        (EmailField(primary_key=True), "it may have 254 characters"),
        (TextField(primary_key=True), "it may have any length"),
        (BinaryField(primary_key=True), "it is a BinaryField"),
    ],
)
def test_a_key_that_tells_nobody_apart_is_named(
    field: Field, fault: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_ids, "primary_key", lambda: field)
    found = [(error.id, error.msg) for error in check_key()]
    if fault is None:
        assert found == []
    else:
        why = f"The primary key of auth.User cannot tell authors apart: {fault}."
        assert found == [("bus.E040", why)]


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("bus.chat.user_adapter.UserAdapter", None),
        ("nowhere.Adapter", "cannot be imported: No module named 'nowhere'"),
        ("bus.chat.user_adapter.Profile", "cannot be imported"),
        ("collections.OrderedDict", "is no UserAdapter"),
    ],
)
def test_an_adapter_that_cannot_be_had_is_named(
    path: str, fault: str | None, settings: Settings
) -> None:
    settings.BUS_USER_ADAPTER = path
    found = check_adapter()
    assert [error.id for error in found] == ([] if fault is None else ["bus.E041"])
    assert all(fault in error.msg for error in found if fault)
