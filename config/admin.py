"""Lists of other apps in the admin, which answer whatever is asked of them, as ours do."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps
from django.contrib import admin

from bus.admin.base import BaseAdmin
from config import people


def _answer_all_lookups(app: str) -> None:
    """Lists of others, as they are, but for what would be an error where a lookup has no sense."""
    if not apps.is_installed(app):
        return
    import_module(f"{app}.admin")
    for model in filter(
        admin.site.is_registered, apps.get_app_config(app.split(".")[-1]).get_models()
    ):
        theirs = type(admin.site.get_model_admin(model))
        if theirs.__module__ == f"{app}.admin":
            admin.site.unregister(model)
            admin.site.register(model, type(theirs.__name__, (BaseAdmin, theirs), {}))


__all__ = ["people"]

# `config.people`, imported above, has taken the lists of people by then.
_answer_all_lookups("django.contrib.auth")
_answer_all_lookups("axes")
