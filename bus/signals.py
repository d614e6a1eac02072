"""Tells every process when rights change, whoever changes them: a service, the admin, a script.

Names are taken here, too, so that no way to make or rename a user or a room leads around it.

What writes without signals (`QuerySet.update`, `bulk_create`) is noticed by the look that each
process takes every BUS_RIGHTS_CHECK seconds.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.dispatch import receiver
from django.http import HttpRequest

from bus.chat import guest_networks, taken_names
from bus.chat.logins import login_digest
from bus.messaging import access_changes
from bus.messaging.access_changes import Change
from bus.models import Member, Room, Sanction
from bus.protocol.errors import Conflict
from bus.protocol.types import canonical_name

# Where an instance keeps its old name while it is saved under a new one.
_OLD = "_bus_old_name"


def _renamed(instance: Model, field: str, update_fields: Any) -> str | None:
    """The old name of who is about to get another one, "" for who is new; None for all others."""
    if update_fields is not None and field not in update_fields:
        return None
    rows = type(instance)._default_manager.filter(pk=instance.pk)
    old: str = (rows.values_list(field, flat=True).first() if instance.pk else None) or ""
    if old == getattr(instance, field):
        return None
    instance.__dict__[_OLD] = old
    return old


@receiver(user_logged_out)
def _logged_out(request: HttpRequest | None = None, **_kwargs: Any) -> None:
    key = getattr(getattr(request, "session", None), "session_key", None)
    if key:
        access_changes.publish_on_commit(Change(logins=(login_digest(key),)))


@receiver(pre_save, sender=User)
def _user_named(
    instance: User, raw: bool = False, update_fields: Any = None, **_kwargs: Any
) -> None:
    old = _renamed(instance, "username", update_fields)
    if old is None:
        return
    try:
        taken_names.take(taken_names.PERSON, instance.username, old and f"u{instance.pk}")
    except Conflict as error:
        # A fixture is loaded as it is; `bus names` lists what collides.
        if not raw:
            raise ValidationError({"username": error.text}) from error


@receiver(post_save, sender=User)
@receiver(post_delete, sender=User)
def _user_changed(
    instance: User, created: bool = False, update_fields: Any = None, **_kwargs: Any
) -> None:
    key = f"u{instance.pk}"
    old = instance.__dict__.pop(_OLD, None)
    if old:
        taken_names.leave(taken_names.PERSON, old, key)
    # Signing in writes this, and changes no right.
    if not created and set(update_fields or ("all",)) != {"last_login"}:
        access_changes.publish_on_commit(Change(authors=(key,), renamed=(key,) if old else ()))


@receiver(post_delete, sender=User)
def _user_gone(instance: User, **_kwargs: Any) -> None:
    taken_names.leave(taken_names.PERSON, instance.username, f"u{instance.pk}")


@receiver(pre_save, sender=Room)
def _room_named(
    instance: Room, raw: bool = False, update_fields: Any = None, **_kwargs: Any
) -> None:
    old = _renamed(instance, "name", update_fields)
    if old is None:
        return
    instance.name = canonical_name(instance.name) or instance.name
    try:
        taken_names.take(taken_names.ROOM, instance.name, old)
    except Conflict:
        if not raw:
            raise


@receiver(post_save, sender=Room)
@receiver(post_delete, sender=Room)
def _room_changed(
    instance: Room, created: bool = False, update_fields: Any = None, **_kwargs: Any
) -> None:
    old = instance.__dict__.pop(_OLD, None)
    if old:
        taken_names.leave(taken_names.ROOM, old, "")
    # Every message moves the head.
    if not created and set(update_fields or ("all",)) != {"head"}:
        access_changes.publish_on_commit(Change(rooms=(instance.pk,)))


@receiver(post_delete, sender=Room)
def _room_gone(instance: Room, **_kwargs: Any) -> None:
    taken_names.leave(taken_names.ROOM, instance.name, "")


@receiver(post_save, sender=Member)
@receiver(post_delete, sender=Member)
def _member_changed(instance: Member, **_kwargs: Any) -> None:
    access_changes.publish_on_commit(
        Change(room_authors=((instance.room_id, f"u{instance.user_id}"),))
    )


@receiver(post_save, sender=Sanction)
@receiver(pre_delete, sender=Sanction)
def _sanctioned(instance: Sanction, created: bool = False, **_kwargs: Any) -> None:
    if created:
        guest_networks.follow(instance)
    room_author = instance.room_id, instance.author_key
    access_changes.publish_on_commit(
        Change(room_authors=(room_author,), networks=tuple(guest_networks.of_sanction(instance)))
    )
