"""The HTTP session that a user signed in with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Login:
    """The HTTP session that a socket was opened with, by a user."""

    key: str
    # hash() of the password's hash: a change of the password ends the session.
    password: int

    @property
    def digest(self) -> str:
        """What the session is called where its key, which is a secret, does not belong."""
        return login_digest(self.key)


def login_digest(key: str) -> str:
    """See Login.digest."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]
