"""Where Bus is in the project's URLconf, whatever prefix, language and script name lead there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.urls import Resolver404, ResolverMatch, get_resolver, resolve
from django.utils import translation

APP = "bus"


def is_included() -> bool:
    """Whether the project's URLconf includes `bus.urls`."""
    return APP in get_resolver().app_dict


def path_of(scope: Mapping[str, Any]) -> str:
    """The path of a request or a socket as the URLconf knows it, without the script's name."""
    script: str = settings.FORCE_SCRIPT_NAME or scope.get("root_path", "")
    path: str = scope["path"]
    return path.removeprefix(script.rstrip("/"))


def match_of(path: str) -> ResolverMatch | None:
    """What is ours at a path, in whichever language it is; None where nothing is."""
    if is_language_prefix_patterns_used(settings.ROOT_URLCONF)[0]:
        language = translation.get_language_from_path(path) or settings.LANGUAGE_CODE
        with translation.override(language):
            return _resolve(path)
    return _resolve(path)


def _resolve(path: str) -> ResolverMatch | None:
    try:
        found = resolve(path)
    except Resolver404:
        return None
    return found if APP in found.app_names else None
