"""Tells Bus that what a project's hooks say of a user is something else now."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser

from bus.chat import taken_names, user_adapter
from bus.messaging import access_changes
from bus.messaging.access_changes import Change
from bus.models import TakenName
from bus.protocol import user_ids
from bus.protocol.errors import Conflict


def user_changed(user: AbstractBaseUser) -> None:
    """Have the name, avatar, profile and roles of a user looked up anew, also for live sockets.

    For what changes elsewhere than in the user's own row, which Bus sees by itself: a group, a
    profile. It acts once the running transaction has committed.
    """
    key = user_ids.key_of(user.pk)
    name = user_adapter.profile_of(user).name
    before = TakenName.objects.filter(kind=taken_names.PERSON, held_by=key).exclude(name=name)
    for old in list(before):
        taken_names.leave(taken_names.PERSON, old.name, key)
    try:
        taken_names.take(taken_names.PERSON, name, key)
        taken_names.hold(name, key)
    except Conflict:
        # Somebody has one that looks like it; `bus names` lists both.
        pass
    access_changes.publish_on_commit(Change(authors=(key,), renamed=(key,)))
