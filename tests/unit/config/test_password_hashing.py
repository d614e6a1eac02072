"""How many passwords are hashed at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import hashers
from django.contrib.auth.hashers import PBKDF2PasswordHasher, check_password, make_password
from django.test import override_settings

from config import settings as own
from config.password_hashing import AT_ONCE


@override_settings(PASSWORD_HASHERS=own.PASSWORD_HASHERS)
def test_a_flood_of_passwords_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    hashers.get_hashers.cache_clear()
    busy, most = 0, 0
    lock, full = threading.Lock(), threading.Event()

    def encode(_self: object, password: str, salt: str, iterations: int | None = None) -> str:
        nonlocal busy, most
        with lock:
            busy, most = busy + 1, max(most, busy + 1)
            if busy == AT_ONCE:
                full.set()
        full.wait(5)
        with lock:
            busy -= 1
        return f"pbkdf2_sha256$1${salt}$x"

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", encode)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(make_password, ["secret"] * 16))
    assert most == AT_ONCE
    hashers.get_hashers.cache_clear()


@override_settings(PASSWORD_HASHERS=own.PASSWORD_HASHERS)
def test_what_django_has_stored_is_read_and_stays_as_it_is() -> None:
    stored = PBKDF2PasswordHasher().encode("a-good-pass-1", "salt", 1000)
    assert check_password("a-good-pass-1", stored)
    assert not check_password("another", stored)
    assert make_password("a-good-pass-1").startswith("pbkdf2_sha256$")
