"""Bus as a Django app."""

from __future__ import annotations

import logging
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

logger = logging.getLogger(__name__)


class BusConfig(AppConfig):
    """Bus as a Django app."""

    name = "bus"
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: Any) -> None:
        """Say which app is in the way; Django's own word for it names none."""
        rivals = [
            name
            for name in settings.INSTALLED_APPS
            if name.rpartition(".")[2] == self.name and name != self.name
        ]
        rivals += [app.name for app in apps.app_configs.values() if app.label == self.name]
        if settings.INSTALLED_APPS.count(self.name) > 1 or self.name in rivals:
            raise ImproperlyConfigured("INSTALLED_APPS has bus more than once: leave one of them.")
        if rivals:
            raise ImproperlyConfigured(
                f"{rivals[0]} is called `bus`, too, and two apps cannot have one label. Give it "
                'another in its AppConfig: label = "…".'
            )
        super().__init__(app_name, app_module)

    def import_models(self) -> None:
        """Say which app is missing, in place of what their models would say."""
        wanted = ("django.contrib.auth", "django.contrib.contenttypes")
        missing = [name for name in wanted if not _is_listed(name)]
        if missing:
            raise ImproperlyConfigured(
                f"Bus needs {' and '.join(missing)}: add that to INSTALLED_APPS. A project without "
                "users may have the broker alone, which is the app bus.broker."
            )
        super().import_models()

    def ready(self) -> None:
        """Register checks, signals and what orders channels; take the weights learned here."""
        from bus import checks, project_checks, signals  # noqa: F401
        from bus.broker import ordering_fields
        from bus.broker.checks import have_tasks_checked
        from bus.chat import user_checks  # noqa: F401
        from bus.protocol.channel_names import ORDERING_FIELDS

        for channel, field in ORDERING_FIELDS.items():
            ordering_fields.order_by(channel, field)
        have_tasks_checked()
        _take_weights()


def _is_listed(name: str) -> bool:
    return any(app.name == name for app in apps.app_configs.values())


def _take_weights() -> None:
    """Give the model the weights that were learned; with none, or a broken file, those chosen."""
    from bus.conf import conf
    from bus.conf.paths import learned_weights_path
    from bus.moderation import classifier

    packaged = classifier.packaged(conf.moderation_weights)
    if packaged != classifier.PACKAGED:
        classifier.use(packaged if packaged.exists() else None)
    path = learned_weights_path()
    if not (conf.learned_weights and path.exists()):
        return
    try:
        classifier.use(path)
    except classifier.WeightsError as error:
        logger.error(
            "%s. The packaged weights are used; learn again with `moderation learn "
            "--switch`, or remove the file.",
            error,
        )
