"""Tells every process when rights change, whoever changes them: a service, the admin, a script.

Names are taken here, too, so that no way to make or rename a user or a room leads around it.

What writes without signals (`QuerySet.update`, `bulk_create`) is noticed by the look that each
process takes every BUS_RIGHTS_CHECK seconds.
"""

from __future__ import annotations

import logging
from copy import copy
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_out
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DEFAULT_DB_ALIAS, OperationalError, ProgrammingError
from django.db.models import Model
from django.db.models.signals import (
    m2m_changed,
    post_delete,
    post_migrate,
    post_save,
    pre_delete,
    pre_save,
)
from django.dispatch import receiver
from django.http import HttpRequest

from bus.chat import guest_networks, name_collisions, taken_names, user_adapter, users
from bus.chat.logins import login_digest
from bus.chat.user_changes import user_changed
from bus.conf import conf
from bus.messaging import access_changes
from bus.messaging.access_changes import Change
from bus.models import Member, Room, Sanction
from bus.protocol import user_ids
from bus.protocol.errors import Conflict
from bus.protocol.types import canonical_name

logger = logging.getLogger(__name__)

# What a user's sign-in writes, and nobody is shown.
_UNSHOWN = {"last_login", "password"}
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


def _user_named(
    instance: AbstractBaseUser, raw: bool = False, update_fields: Any = None, **_kwargs: Any
) -> None:
    if update_fields is not None and set(update_fields) <= _UNSHOWN:
        return
    key = user_ids.key_of(instance.pk)
    before = users.by_keys([key]).get(key)
    old = None if before is None else user_adapter.profile_of(before)
    new = user_adapter.profile_of(_as_stored(instance, before, update_fields))
    if new == old:
        return
    instance.__dict__[_OLD] = old, new
    if old is not None and old.name == new.name:
        return
    try:
        taken_names.take(taken_names.PERSON, new.name, key if old else "")
    except Conflict as error:
        # A fixture is loaded as it is; `bus names` lists what collides.
        if conf.unique_names and not raw:
            raise ValidationError({get_user_model().USERNAME_FIELD: error.text}) from error


def _as_stored(
    instance: AbstractBaseUser, before: AbstractBaseUser | None, update_fields: Any
) -> AbstractBaseUser:
    """The user as the database will have it: what is not written stays as it was."""
    if before is None or update_fields is None:
        return instance
    after = copy(before)
    for field in update_fields:
        setattr(after, field, getattr(instance, field))
    return after


def _user_changed(
    instance: AbstractBaseUser, created: bool = False, update_fields: Any = None, **_kwargs: Any
) -> None:
    key = user_ids.key_of(instance.pk)
    old, new = instance.__dict__.pop(_OLD, (None, None))
    if new is not None and (old is None or old.name != new.name):
        taken_names.hold(new.name, key)
        if old is not None:
            taken_names.leave(taken_names.PERSON, old.name, key)
    # Signing in writes this, and changes no right.
    if not created and set(update_fields or ("all",)) != {"last_login"}:
        access_changes.publish_on_commit(Change(authors=(key,), renamed=(key,) if old else ()))


def _user_gone(instance: AbstractBaseUser, **kwargs: Any) -> None:
    key = user_ids.key_of(instance.pk)
    taken_names.leave(taken_names.PERSON, user_adapter.profile_of(instance).name, key)
    _user_changed(instance)


def _watch_users() -> None:
    """Hear of users: also of those who are saved as a proxy, or as what extends the user model."""
    concrete = get_user_model()._meta.concrete_model
    for model in apps.get_models():
        if concrete is not None and issubclass(model, concrete):
            pre_save.connect(_user_named, sender=model)
            post_save.connect(_user_changed, sender=model)
            post_delete.connect(_user_gone, sender=model)


def _groups_changed(
    instance: Any, action: str, reverse: bool, pk_set: Any = None, **_kwargs: Any
) -> None:
    if action not in ("post_add", "post_remove", "post_clear"):
        return
    keys = map(user_ids.key_of, (pk_set or ()) if reverse else [instance.pk])
    for user in users.by_keys(keys).values():
        user_changed(user)


def _watch_groups() -> None:
    """Hear of who is in which group: many projects have moderators so (BUS_USER_ADAPTER)."""
    through = getattr(getattr(get_user_model(), "groups", None), "through", None)
    if through is not None:
        m2m_changed.connect(_groups_changed, sender=through)


_watch_users()
_watch_groups()


def _migrated(using: str, apps: Any = apps, **_kwargs: Any) -> None:
    if using != DEFAULT_DB_ALIAS:
        return
    try:
        apps.get_model("bus", "TakenName")._meta.get_field("held_by")
    except (LookupError, FieldDoesNotExist):
        # Migrated to an earlier state.
        return
    try:
        name_collisions.note_users()
    except (ProgrammingError, OperationalError) as error:
        # The project's users are not migrated up to here; `bus names` notes them.
        logger.warning("The names of users are not noted yet: %s", error)


post_migrate.connect(_migrated, sender=apps.get_app_config("bus"))


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
    room_author = instance.room_id, user_ids.key_of(instance.user_id)
    access_changes.publish_on_commit(Change(room_authors=(room_author,)))


@receiver(post_save, sender=Sanction)
@receiver(pre_delete, sender=Sanction)
def _sanctioned(instance: Sanction, created: bool = False, **_kwargs: Any) -> None:
    if created:
        guest_networks.follow(instance)
    room_author = instance.room_id, instance.author_key
    access_changes.publish_on_commit(
        Change(room_authors=(room_author,), networks=tuple(guest_networks.of_sanction(instance)))
    )
