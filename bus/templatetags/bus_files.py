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
from django.conf import settings
from django.templatetags.static import static
from django.urls import get_script_prefix

register = template.Library()


@register.simple_tag
def bus_static(path: str) -> str:
    """The address of a static file.

    Django puts the script's name before a relative STATIC_URL once, at whichever moment it is asked
    for first: then there may be no request, or one under another name.
    """
    address = static(path)
    relative = str(getattr(object.__getattribute__(settings, "_wrapped"), "STATIC_URL", ""))
    is_whole = relative.startswith("/") or urlsplit(relative).netloc
    if is_whole or not address.startswith(settings.STATIC_URL):
        # It is said by the project, or by its storage.
        return address
    return f"{get_script_prefix()}{relative}{address.removeprefix(settings.STATIC_URL)}"
