"""The broker as a Django app of its own: the channel layer's `runworker`, without tables."""

from __future__ import annotations

from django.apps import AppConfig


class BrokerConfig(AppConfig):
    """The broker in a project that has no chat; `bus` brings it along."""

    name = "bus.broker"
    # Not `broker`, which a project may well have an app of.
    label = "bus_broker"
    verbose_name = "Bus broker"

    def ready(self) -> None:
        """Register checks: of the layer, the order of apps, workers and tasks."""
        from bus.broker.checks import have_tasks_checked

        have_tasks_checked()
