"""Run a worker on named channels, and beside it what chat needs done."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from bus import routing
from bus.broker import BusChannelLayer
from bus.broker.management.commands import runworker
from bus.broker.worker.consumer_run import Application
from bus.broker.worker.worker import Worker
from bus.conf import conf
from bus.database.persistent import keep_connections
from bus.messaging import outbox
from bus.moderation import classifier
from bus.protocol import channel_names
from bus.servers.channels import look_again, spare_thread_hops
from bus.workers.erasure import erase_forever
from bus.workers.expiry import expire_forever

logger = logging.getLogger(__name__)


class Command(runworker.Command):
    """Handles the messages of named channels until SIGTERM or SIGINT."""

    def consumers(self) -> Mapping[str, Any]:
        """Bus's own, and those of each installed app's workers.py."""
        return routing.channels

    def prepare(self, channels: Sequence[str]) -> None:
        """Keep connections to the database, if we may, and say where moderation has no weights."""
        if conf.tune_processes:
            keep_connections()
        if channel_names.MODERATION in channels and not classifier.available():
            logger.warning("The model has no weights: the rules work alone.")

    def worker(
        self,
        application: Application,
        channels: Sequence[str],
        layer: BusChannelLayer,
        concurrency: int,
    ) -> Worker:
        """A worker that sends what transactions left, ends what expires, and erases."""
        return Worker(
            application,
            channels,
            layer,
            concurrency,
            companions=[outbox.relay_forever, expire_forever, erase_forever],
            on_start=_tune,
            on_failure=look_again,
        )


def _tune() -> None:
    if conf.tune_processes:
        spare_thread_hops()
