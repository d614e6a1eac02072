"""Run a worker on named channels, in place of Channels' own `runworker`."""

from __future__ import annotations

import logging
from argparse import ArgumentParser
from typing import Any

from asgiref.sync import async_to_sync
from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import get_channel_layer
from channels.routing import ChannelNameRouter, ProtocolTypeRouter, get_default_application
from channels.worker import Worker as StockWorker
from django.core.management.base import BaseCommand, CommandError

from bus.broker import BusChannelLayer
from bus.broker.errors import BrokerUnavailable
from bus.broker.redis_client import CLUSTER
from bus.broker.redis_config import faults
from bus.broker.worker.autoreload import watch
from bus.broker.worker.worker import Worker
from bus.database.persistent import keep_connections
from bus.broker.worker.early_stop import stop_early
from bus.messaging import publisher
from bus.moderation import classifier
from bus.protocol import channel_names
from bus.servers import channels
from bus.workers.erasure import erase_forever
from bus.workers.expiry import expire_forever

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Handles the messages of named channels until SIGTERM or SIGINT."""

    help = "Handle the messages of named channels, as bus/routing.py routes them."
    leave_locale_alone = True

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
        layer = get_channel_layer(options["layer"])
        if layer is None:
            raise CommandError(f"There is no channel layer {options['layer']!r} in CHANNEL_LAYERS.")
        if options["concurrency"] < 1:
            raise CommandError("--concurrency is a number from 1.")
        keep_connections()
        application = get_default_application()
        _refuse_unrouted(application, options["channels"])
        if channel_names.MODERATION in options["channels"] and not classifier.available():
            logger.warning("The model has no weights: the rules work alone.")
        if isinstance(layer, BusChannelLayer):
            _look_at_broker(layer)
            worker = Worker(
                application,
                options["channels"],
                layer,
                options["concurrency"],
                companions=[publisher.relay_forever, expire_forever, erase_forever],
                on_start=channels.spare_thread_hops,
                on_failure=channels.look_again,
            )
            if options["reload"]:
                watch(lambda path: worker.replace_soon(f"{path} changed"))
            worker.run()
        else:
            StockWorker(
                application=application, channels=options["channels"], channel_layer=layer
            ).run()


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


def _refuse_unrouted(application: object, channels: list[str]) -> None:
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
            f"bus/routing.py routes {', '.join(sorted(routed)) or 'nothing'}."
        )
