"""Passwords are hashed a few at a time: a flood of attempts leaves room for everything else."""

from __future__ import annotations

import threading

from django.contrib.auth.hashers import PBKDF2PasswordHasher

# In one process; each takes a core for a good part of a second.
AT_ONCE = 2

_turn = threading.BoundedSemaphore(AT_ONCE)


class PatientPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Django's own, and what it makes; who comes meanwhile waits for a turn."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Hash a password, to store or to compare it."""
        with _turn:
            return super().encode(password, salt, iterations)
