"""Tells every process when rights change, whoever changes them: a service, the admin, a script.

What writes without signals (`QuerySet.update`, `bulk_create`) is noticed by the look that each
process takes every BUS_RIGHTS_CHECK seconds.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from bus import rights
from bus.models import Member, Room, Sanction
from bus.rights import Change
from bus.services import access


@receiver(user_logged_out)
def _logged_out(request: HttpRequest | None = None, **_kwargs: Any) -> None:
    key = getattr(getattr(request, "session", None), "session_key", None)
    if key:
        rights.tell(Change(logins=(access.login_digest(key),)))


@receiver(post_save, sender=User)
@receiver(post_delete, sender=User)
def _user_changed(
    instance: User, created: bool = False, update_fields: Any = None, **_kwargs: Any
) -> None:
    # Signing in writes this, and changes no right.
    if not created and set(update_fields or ("all",)) != {"last_login"}:
        rights.tell(Change(authors=(f"u{instance.pk}",)))


@receiver(post_save, sender=Room)
@receiver(post_delete, sender=Room)
def _room_changed(
    instance: Room, created: bool = False, update_fields: Any = None, **_kwargs: Any
) -> None:
    # Every message moves the head.
    if not created and set(update_fields or ("all",)) != {"head"}:
        rights.tell(Change(rooms=(instance.pk,)))


@receiver(post_save, sender=Member)
@receiver(post_delete, sender=Member)
def _member_changed(instance: Member, **_kwargs: Any) -> None:
    rights.tell(Change(places=((instance.room_id, f"u{instance.user_id}"),)))


@receiver(post_save, sender=Sanction)
@receiver(post_delete, sender=Sanction)
def _sanctioned(instance: Sanction, **_kwargs: Any) -> None:
    rights.tell(Change(places=((instance.room_id, instance.author_key),)))
