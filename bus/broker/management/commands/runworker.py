"""Run a worker on named channels, in place of Channels' own `runworker`."""

from __future__ import annotations

import logging
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from channels.worker import Worker as StockWorker
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.errors import BrokerUnavailable
from bus.broker.redis_config import faults
from bus.broker.redis_refusal import CLUSTER
from bus.broker.worker.application import WorkerApplication
from bus.broker.worker.autoreload import watch
from bus.broker.worker.consumer_run import Application
from bus.broker.worker.discovery import discover
from bus.broker.worker.early_stop import stop_early
from bus.broker.worker.worker import Worker
from bus.conf import asgi, conf

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Handles the messages of named channels until SIGTERM or SIGINT."""

    help = (
        "Handle the messages of named channels: those that the ASGI application routes, and those "
        "of each installed app's workers.py."
    )
    leave_locale_alone = True

    def run_from_argv(self, argv: list[str]) -> None:
        """As any command, but a stop during the start is a clean one."""
        stop_early()
        super().run_from_argv(argv)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Channels, layer and concurrency."""
        parser.add_argument("channels", nargs="*", help="named channels (default: all there are)")
        parser.add_argument(
            "--layer", default=conf.layer, help="alias of the channel layer (default: BUS_LAYER)"
        )
        parser.add_argument(
            "--concurrency",
            type=int,
            default=1,
            help="messages handled at once per channel (default 1)",
        )
        parser.add_argument(
            "--reload", action="store_true", help="start anew when the code changes (development)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the worker; a layer that is not ours gets Channels' own."""
        layer = get_channel_layer(options["layer"])
        if layer is None:
            raise CommandError(f"There is no channel layer {options['layer']!r} in CHANNEL_LAYERS.")
        if options["concurrency"] < 1:
            raise CommandError("--concurrency is a number from 1.")
        runs = self._application()
        try:
            channels = runs.choose(options["channels"])
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        self.prepare(channels)
        if isinstance(layer, BusChannelLayer):
            _look_at_broker(layer)
            worker = self.worker(runs, channels, layer, options["concurrency"])
            if options["reload"]:
                watch(lambda path: worker.replace_soon(f"{path} changed"))
            worker.run()
        else:
            StockWorker(application=runs, channels=channels, channel_layer=layer).run()

    def consumers(self) -> Mapping[str, Any]:
        """What there is to run beside what the ASGI application routes, by channel."""
        return discover().consumers

    def prepare(self, channels: Sequence[str]) -> None:
        """What a project has to do before the channels are worked on."""

    def worker(
        self,
        application: Application,
        channels: Sequence[str],
        layer: BusChannelLayer,
        concurrency: int,
    ) -> Worker:
        """The worker; a project may give it companions."""
        return Worker(application, channels, layer, concurrency)

    def _application(self) -> WorkerApplication:
        path = asgi.asgi_path()
        try:
            return WorkerApplication(path and asgi.load(path), self.consumers())
        except ImproperlyConfigured as error:
            logger.error("%s", error, exc_info=error.__cause__ or error)
            raise CommandError(str(error)) from error


def _look_at_broker(layer: BusChannelLayer) -> None:
    """Say loudly what the broker is set to that would lose messages; refuse what cannot be used."""
    try:
        found = async_to_sync(faults)(layer)
    except BrokerUnavailable as error:
        if str(error) == CLUSTER:
            raise CommandError(CLUSTER) from None
        # It is waited for.
        return
    for fault in found:
        if fault.kind == "cluster":
            raise CommandError(fault.text)
        logger.error("%s", fault.text)
