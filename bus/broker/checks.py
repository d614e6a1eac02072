"""System checks of what concerns the broker, whether the app `bus` is beside it or not."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from channels.exceptions import InvalidChannelLayerError
from channels.layers import get_channel_layer
from django import VERSION, get_version
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from bus.broker.worker.discovery import Channels, discover
from bus.conf import conf

_MEMORY = "channels.layers.InMemoryChannelLayer"


@register()
def check_layer(**_kwargs: Any) -> list[CheckMessage]:
    """The channel layer of Bus is ours: any other loses what workers hold.

    Without the app `bus` another one is no error: `runworker` works on it as Channels' own does.
    """
    layers = getattr(settings, "CHANNEL_LAYERS", {})
    backend = layers.get(conf.layer, {}).get("BACKEND", "")
    where = f"CHANNEL_LAYERS[{conf.layer!r}]"
    if _is_ours(backend):
        fault = _fault()
        hint = "Mend its CONFIG, or the REDIS_URL of bus.channel_layers()."
        text = f"{where} cannot be used: {fault}"
        return [Error(text, hint=hint, id="bus.E001")] if fault else []
    hint = f"CHANNEL_LAYERS = bus.channel_layers(), or {where} with 'bus.broker.BusChannelLayer'."
    if conf.layer == "default":
        hint += (
            " Beside a default layer of your own: "
            "CHANNEL_LAYERS |= bus.channel_layers(alias='bus') and BUS_LAYER = 'bus'."
        )
    if backend and not apps.is_installed("bus"):
        text = f"{where} is {backend}: what a handler that raises was handed is lost."
        return [Warning(text, hint=hint, id="bus.W012")]
    return [Error(f"{where} is {backend or 'not set'}.", hint=hint, id="bus.E001")]


def _is_ours(backend: str) -> bool:
    """Whether the class at a path is our layer, or made from it."""
    from bus.broker.channel_layer import BusChannelLayer

    try:
        found = import_string(backend)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, BusChannelLayer)


def _fault() -> str:
    """Why the channel layer of BUS_LAYER cannot be made from its settings; "" where it can."""
    try:
        get_channel_layer(conf.layer)
    except (ImproperlyConfigured, InvalidChannelLayerError, TypeError, ValueError) as error:
        return str(error)
    return ""


@register()
def check_layers(**_kwargs: Any) -> list[CheckMessage]:
    """In production no layer is in the memory of one process."""
    layers = getattr(settings, "CHANNEL_LAYERS", {})
    names = [name for name, layer in layers.items() if layer.get("BACKEND") == _MEMORY]
    if settings.DEBUG or not names:
        return []
    text = f"CHANNEL_LAYERS[{names[0]!r}] is in memory: no other process hears what is sent there."
    hint = "In production take bus.channel_layers(), or a layer of Redis."
    return [Warning(text, hint=hint, id="bus.W031")]


@register()
def check_order(**_kwargs: Any) -> list[CheckMessage]:
    """`runworker` is that of Bus: of the app `bus`, else of the broker alone."""
    names = [config.name for config in apps.get_app_configs()]
    ours = "bus" if "bus" in names else "bus.broker"
    before = names[: names.index(ours)] if ours in names else []
    text = "{} comes after {} in INSTALLED_APPS: `runworker` would be that of {}."
    hint = f'INSTALLED_APPS = ["{ours}", "channels", …]: the first app that has a command has it.'
    return [
        Error(text.format(ours, other, owner), hint=hint, id="bus.E030")
        for other, owner in (("channels", "Channels"), ("bus.broker", "the broker alone"))
        if other in before
    ]


@register()
def check_workers(**_kwargs: Any) -> list[CheckMessage]:
    """Each app's `workers.py` imports, and no channel is two apps'; `bus` looks at its own, too."""
    return [] if apps.is_installed("bus") else worker_messages(Channels("bus.broker", {}))


def worker_messages(channels: Iterable[str]) -> list[CheckMessage]:
    """What is wrong with the `workers.py` that these channels are found in."""
    try:
        list(channels)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="bus.E036")]
    return [
        Warning(
            f"{home} does not import: {why}",
            hint="Its channels have no worker; the others run. The log has the traceback.",
            id="bus.W030",
        )
        for home, why in discover().failures.items()
    ]


def _has_tasks() -> bool:
    """Whether TASKS names the back-end of Bus."""
    backends = getattr(settings, "TASKS", {}).values()
    return any("bus.tasks" in one.get("BACKEND", "") for one in backends)


@register()
def check_tasks(**_kwargs: Any) -> list[CheckMessage]:
    """The back-end of tasks has a Django that knows tasks; other Djangos do not even look at it."""
    if VERSION >= (6, 0) or not _has_tasks():
        return []
    return [
        Error(
            f"TASKS names bus.tasks, and Django {get_version()} has no tasks.",
            hint="Install Django 6.0 or later, or take it out of TASKS.",
            id="bus.E020",
        )
    ]


def have_tasks_checked() -> None:
    """Have Django ask the back-ends of TASKS: it does once `django.tasks` is imported."""
    if VERSION >= (6, 0) and _has_tasks():
        import_module("django.tasks.checks")
