"""Where Bus is in the project's URLconf, whatever prefix, language and script name lead there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.urls import (
    Resolver404,
    ResolverMatch,
    URLResolver,
    get_resolver,
    get_script_prefix,
    get_urlconf,
    resolve,
    reverse,
)
from django.utils import translation

APP = "bus"
# Of the API, in its address: all versions are one API.
_VERSION = "v1/"
# The longest path of a socket whose match is kept, in characters.
_KEPT_LENGTH = 200


def is_included() -> bool:
    """Whether the project's URLconf includes `bus.urls`."""
    return bool(getattr(settings, "ROOT_URLCONF", None)) and APP in get_resolver().app_dict


def namespace_around() -> str:
    """The namespace of another include that Bus is in, such as `shop:eu`; "" where it is in none.

    `reverse("bus:…")` does not look there.
    """
    if not getattr(settings, "ROOT_URLCONF", None) or is_included():
        return ""
    return next(_namespaces_with_us(get_resolver()), "")


def _namespaces_with_us(resolver: URLResolver) -> Iterator[str]:
    for name, (_, inner) in resolver.namespace_dict.items():
        if APP in inner.app_dict:
            yield name
        else:
            yield from (f"{name}:{deeper}" for deeper in _namespaces_with_us(inner))


def hidden_paths() -> list[str]:
    """Where some of our routes are and another one of the project's answers, being before them.

    Raises NoReverseMatch where they have no path of their own.
    """
    names = ("lobby", "readyz", "websocket")
    paths = [unquote(path_to(name)).removeprefix(get_script_prefix()) for name in names]
    return [f"/{path}" for path in paths if match_of(f"/{path}") is None]


def path_to(name: str, *args: str) -> str:
    """The path of a route of ours for who is in no request, in the project's own language.

    Raises NoReverseMatch where the prefix of `bus.urls` takes something from the path.
    """
    with translation.override(_default_language()):
        return reverse(f"{APP}:{name}", args=args)


def _default_language() -> str:
    """LANGUAGE_CODE as paths spell it: `en` for `en-us`, where LANGUAGES has that alone."""
    language: str = settings.LANGUAGE_CODE
    if is_language_prefix_patterns_used(settings.ROOT_URLCONF) != (True, True):
        # Without a prefix, it is the one that is spelled as the setting is.
        return language
    try:
        return translation.get_supported_language_variant(language)
    except LookupError:
        return language


def path_of(scope: Mapping[str, Any]) -> str:
    """The path of a request or a socket as the URLconf knows it, without the script's name."""
    script: str = settings.FORCE_SCRIPT_NAME or scope.get("root_path", "")
    path: str = scope["path"]
    return path.removeprefix(script.rstrip("/"))


def match_of(path: str) -> ResolverMatch | None:
    """What is ours at a path, in whichever language it is; None where nothing is."""
    with _language_of(path):
        return _resolve(path)


def _language_of(path: str) -> AbstractContextManager[None]:
    """The language whose prefix a path has, while the block runs; as it is, where none has one."""
    if not is_language_prefix_patterns_used(settings.ROOT_URLCONF)[0]:
        return nullcontext()
    language = translation.get_language_from_path(path) or settings.LANGUAGE_CODE
    return translation.override(language)


def is_api(path: str) -> bool:
    """Whether a path is under `api/`, where the project includes `bus.urls`, in whichever language
    it is; also where nothing is."""
    if not is_included():
        return False
    with _language_of(path):
        root = unquote(reverse(f"{APP}:api:api-root")).removeprefix(get_script_prefix())
    return path.startswith(f"/{root.removesuffix(_VERSION)}")


def is_ours(pattern: object) -> bool:
    """Whether a pattern is that of a socket of ours."""
    return isinstance(pattern, SocketPattern)


def _resolve(path: str) -> ResolverMatch | None:
    try:
        found = resolve(path)
    except Resolver404:
        return None
    return found if APP in found.app_names else None


class SocketPattern:
    """Matches where `reverse("bus:…")` leads, so that sockets are where the pages look for them."""

    def __init__(self, name: str) -> None:
        self._name = name

    def match(self, path: str) -> tuple[str, tuple[Any, ...], dict[str, Any]] | None:
        """As a pattern of Django's: what is left of the path, and what was found in it."""
        where = ("/" + path).removeprefix((settings.FORCE_SCRIPT_NAME or "").rstrip("/"))
        found = _match_of_socket(where)
        if found is None and not where.endswith("/"):
            found = _match_of_socket(where + "/")
        if found is None or found.url_name != self._name:
            return None
        return "", found.args, dict(found.kwargs)


def _match_of_socket(path: str) -> ResolverMatch | None:
    urlconf = get_urlconf() or settings.ROOT_URLCONF
    if len(path) > _KEPT_LENGTH or is_language_prefix_patterns_used(urlconf)[0]:
        return match_of(path)
    return _kept_match(get_resolver(urlconf), path)


# Django tries all patterns anew, and when everybody comes back at once it is to one path. A URLconf
# that changes has another resolver.
@lru_cache(256)
def _kept_match(_: URLResolver, path: str) -> ResolverMatch | None:
    return match_of(path)
