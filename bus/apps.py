"""Bus as a Django app."""

from __future__ import annotations

import logging

from django.apps import AppConfig

logger = logging.getLogger(__name__)


class BusConfig(AppConfig):
    """Bus as a Django app."""

    name = "bus"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register checks, signals and what orders channels; take the weights learned here."""
        from bus import checks, project_checks, signals  # noqa: F401
        from bus.broker import ordering_fields
        from bus.chat import user_checks  # noqa: F401
        from bus.protocol.channel_names import ORDERING_FIELDS

        for channel, field in ORDERING_FIELDS.items():
            ordering_fields.order_by(channel, field)
        _take_learned_weights()


def _take_learned_weights() -> None:
    """Give the model its learned weights; with a broken file it keeps the packaged ones."""
    from bus.conf import conf
    from bus.conf.paths import learned_weights_path

    path = learned_weights_path()
    if not (conf.learned_weights and path.exists()):
        return
    from bus.moderation import classifier

    try:
        classifier.use(path)
    except classifier.WeightsError as error:
        logger.error(
            "%s. The packaged weights are used; learn again with `moderation learn "
            "--switch`, or remove the file.",
            error,
        )
