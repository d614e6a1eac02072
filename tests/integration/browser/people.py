"""Users of a project that has pictures and pages of its own for them, good ones and others."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser

from bus.chat.user_adapter import UserAdapter

PICTURES = "https://pictures.invalid"
AVATARS = {
    "mina": "/static/bus/icon.svg",
    "sora": f"{PICTURES}/sora.svg",
    "jun": "/static/bus/gone.png",
    "mallory": "javascript:document.title='taken'",
}
PROFILES = {
    "mina": "/people/mina/",
    "sora": "https://people.invalid/sora",
    "mallory": "javascript:document.title='taken'",
}


class Adapter(UserAdapter):
    """Goes by the user name."""

    def avatar_url(self, user: AbstractBaseUser) -> str | None:
        """Of this site, of another host, one that is not there, or none at all."""
        return AVATARS.get(user.get_username())

    def profile_url(self, user: AbstractBaseUser) -> str | None:
        """A path, another host, or none at all."""
        return PROFILES.get(user.get_username())
