"""`{% bus_static "bus/app.css" %}`: the address of a static file under today's script name.

Read: Django 5.2.19, Django 6.0.10, Django 6.1.3 (conf/__init__.py).
Relies on:
    django.conf.settings: _wrapped
    django.conf.LazySettings.__getattr__:
        `self._add_script_prefix(val)`, `self.__dict__[name] = val`
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django import template
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.templatetags.static import static
from django.urls import get_script_prefix

register = template.Library()


@register.simple_tag
def bus_static(path: str) -> str:
    """The address of a static file."""
    base: str | None = settings.STATIC_URL
    if apps.is_installed("django.contrib.staticfiles"):
        base = getattr(staticfiles_storage, "base_url", None)
    return under_script_name(static(path), base)


def under_script_name(address: str, base: str | None) -> str:
    """The address of a file of a storage, whose addresses begin with `base`.

    Django puts the script's name before a relative STATIC_URL once, at whichever moment it is asked
    for first: then there may be no request, or one under another name.
    """
    relative = str(getattr(object.__getattribute__(settings, "_wrapped"), "STATIC_URL", ""))
    is_whole = relative.startswith("/") or urlsplit(relative).netloc
    if is_whole or not base or not address.startswith(base):
        # It is said by the project, or by its storage.
        return address
    return f"{get_script_prefix()}{relative}{address.removeprefix(base)}"
