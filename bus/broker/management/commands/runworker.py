"""Run a worker on named channels, in place of Channels' own `runworker`."""

from __future__ import annotations

import logging
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from asgiref.sync import async_to_sync
from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, get_default_application
from channels.worker import Worker as StockWorker
from django.core.management.base import BaseCommand, CommandError

from bus.broker.channel_layer import BusChannelLayer
from bus.broker.errors import BrokerUnavailable
from bus.broker.redis_client import CLUSTER
from bus.broker.redis_config import faults
from bus.broker.worker.autoreload import watch
from bus.broker.worker.consumer_run import Application
from bus.broker.worker.early_stop import stop_early
from bus.broker.worker.worker import Worker

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Handles the messages of named channels until SIGTERM or SIGINT."""

    help = "Handle the messages of named channels, as the application of ASGI_APPLICATION does."
    leave_locale_alone = True
    # Where the project says which consumer is a channel's.
    routing = "The application of ASGI_APPLICATION"

    def run_from_argv(self, argv: list[str]) -> None:
        """As any command, but a stop during the start is a clean one."""
        stop_early()
        super().run_from_argv(argv)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Channels, layer and concurrency."""
        parser.add_argument("channels", nargs="+", help="named channels to listen on")
        parser.add_argument(
            "--layer", default=DEFAULT_CHANNEL_LAYER, help="alias of the channel layer"
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
        layer, channels = get_channel_layer(options["layer"]), options["channels"]
        if layer is None:
            raise CommandError(f"There is no channel layer {options['layer']!r} in CHANNEL_LAYERS.")
        if options["concurrency"] < 1:
            raise CommandError("--concurrency is a number from 1.")
        self.prepare(channels)
        application = get_default_application()
        self._refuse_unrouted(application, channels)
        if isinstance(layer, BusChannelLayer):
            _look_at_broker(layer)
            worker = self.worker(application, channels, layer, options["concurrency"])
            if options["reload"]:
                watch(lambda path: worker.replace_soon(f"{path} changed"))
            worker.run()
        else:
            StockWorker(application=application, channels=channels, channel_layer=layer).run()

    def prepare(self, channels: Sequence[str]) -> None:
        """What a project has to do before the application is loaded."""

    def worker(
        self,
        application: Application,
        channels: Sequence[str],
        layer: BusChannelLayer,
        concurrency: int,
    ) -> Worker:
        """The worker; a project may give it companions."""
        return Worker(application, channels, layer, concurrency)

    def _refuse_unrouted(self, application: object, channels: Sequence[str]) -> None:
        """Name the channels that the application does not route, before they collect messages."""
        if isinstance(application, ProtocolTypeRouter):
            application = application.application_mapping.get("channel")
        if not isinstance(application, ChannelNameRouter):
            return
        routed = application.application_mapping
        unknown = [channel for channel in channels if channel not in routed]
        if unknown:
            raise CommandError(
                f"No consumer is routed for {', '.join(unknown)}. "
                f"{self.routing} routes {', '.join(sorted(routed)) or 'nothing'}."
            )


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
