"""The settings, as the environment spells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from bus.conf.kinds import Secret, Setting
from bus.conf.table import all_settings


def from_environment(
    environ: Mapping[str, str], more: Mapping[str, Setting[Any]] | None = None
) -> dict[str, Any]:
    """Parse all `BUS_*` variables; raises ImproperlyConfigured naming each that is wrong.

    `more` are a project's own settings by their names.
    """
    known = {**all_settings(), **(more or {})}
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, text in environ.items():
        if not name.startswith("BUS_") or name == "BUS_VAR_DIR":
            continue
        if name not in known:
            wrong.append(f"{name} is not a setting of Bus")
            continue
        try:
            values[name] = known[name].parse(text)
        except ValueError:
            shown = "…" if isinstance(known[name], Secret) else repr(text)
            wrong.append(f"{name}={shown} is not {known[name].kind}")
    if wrong:
        raise ImproperlyConfigured("; ".join(wrong) + ". See the settings in docs/settings.md.")
    return values
