"""The translations that the scripts of a page need."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from django.utils.translation import get_language
from django.utils.translation.trans_real import DjangoTranslation
from django.views.i18n import JSONCatalog

LOCALES = Path(__file__).resolve().parents[1] / "locale"


def script_catalog() -> dict[str, Any]:
    """The catalogue `djangojs` in the language of this request; a page embeds it as JSON."""
    return _catalog(get_language() or "en")


@lru_cache(maxsize=8)
def _catalog(language: str) -> dict[str, Any]:
    view = JSONCatalog()
    view.translation = DjangoTranslation(
        language, domain=JSONCatalog.domain, localedirs=[str(LOCALES)]
    )
    catalog: dict[str, Any] = view.get_catalog()
    return catalog
