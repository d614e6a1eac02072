"""API keys: the service, the command and the admin."""

import datetime as dt
import hashlib
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bus.chat import api_keys
from bus.models import ApiKey
from bus.protocol.errors import BusError, Invalid, NotFound, Unauthenticated

pytestmark = pytest.mark.django_db(transaction=True)


def test_only_the_digest_of_the_secret_is_kept() -> None:
    key, text = api_keys.create(" ci ")
    prefix, _, secret = text.rpartition("_")
    assert (key.name, key.prefix) == ("ci", prefix)
    assert key.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in repr(ApiKey.objects.values().get())
    assert api_keys.check(text) == key


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x1b[2J"])
def test_a_key_has_a_name_that_can_be_shown(name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        api_keys.create(name)
    assert refusal.value.field == "name"


def test_a_key_opens_nothing_with_the_secret_of_another() -> None:
    _, one = api_keys.create("one")
    _, other = api_keys.create("other")
    mixed = f"{one.rpartition('_')[0]}_{other.rpartition('_')[2]}"
    with pytest.raises(Unauthenticated):
        api_keys.check(mixed)


def test_revoking_is_for_good_and_keeps_its_first_time() -> None:
    key, text = api_keys.create("ci")
    first = api_keys.revoke(key.prefix).revoked_at
    assert api_keys.revoke(key.prefix).revoked_at == first
    with pytest.raises(Unauthenticated):
        api_keys.check(text)
    with pytest.raises(NotFound):
        api_keys.revoke("bus_000000000000")


def test_use_is_noted_at_most_once_a_minute(django_assert_num_queries: Any) -> None:
    key, text = api_keys.create("ci")
    api_keys.check(text)
    key.refresh_from_db()
    first = key.last_used_at
    assert first is not None
    with django_assert_num_queries(1):
        api_keys.check(text)
    ApiKey.objects.update(last_used_at=timezone.now() - dt.timedelta(seconds=61))
    api_keys.check(text)
    key.refresh_from_db()
    assert key.last_used_at is not None
    assert key.last_used_at >= first


def test_the_command_makes_lists_and_revokes(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("bus", "key", "list")
    assert "There are no API keys" in capsys.readouterr().out
    call_command("bus", "key", "create", "ci")
    text = capsys.readouterr().out.strip()
    prefix, _, secret = text.rpartition("_")
    assert api_keys.check(text).name == "ci"
    call_command("bus", "key", "list")
    listed = capsys.readouterr().out
    assert prefix in listed
    assert secret not in listed
    with pytest.raises(CommandError, match="not by the whole secret"):
        call_command("bus", "key", "revoke", text)
    call_command("bus", "key", "revoke", prefix)
    assert "is revoked" in capsys.readouterr().out
    with pytest.raises(BusError):
        api_keys.check(text)
    with pytest.raises(CommandError, match="There is no API key"):
        call_command("bus", "key", "revoke", "bus_0")


def test_the_admin_shows_no_secret_and_revokes(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root"))
    key, text = api_keys.create("ci")
    pages = [
        client.get(reverse("admin:bus_apikey_changelist")),
        client.get(reverse("admin:bus_apikey_change", args=[key.pk])),
    ]
    for page in pages:
        assert page.status_code == 200
        assert key.prefix in page.content.decode()
        assert key.digest not in page.content.decode()
    assert client.get(reverse("admin:bus_apikey_add")).status_code == 403
    client.post(
        reverse("admin:bus_apikey_changelist"),
        {"action": "revoke", "_selected_action": [key.pk]},
    )
    with pytest.raises(Unauthenticated):
        api_keys.check(text)
