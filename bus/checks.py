"""System checks: settings that would fail later are named before anything starts."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from bus.broker.checks import check_layer
from bus.conf import conf
from bus.conf.table import all_settings
from bus.messaging import operations
from bus.moderation import classifier
from bus.protocol.errors import Unavailable
from bus.unicode.graphemes import MOST

# A broker that is asked by `check` and takes longer is away, in seconds.
_ANSWER_WITHIN = 3.0
_START = "Start it, as `manage.py up` does with its own, or mend REDIS_URL."


@register()
def check_timeouts(**_kwargs: Any) -> list[CheckMessage]:
    """A handler ends before others take its message away."""
    if not _fit("BUS_HANDLER_TIMEOUT", "BUS_VISIBILITY_TIMEOUT"):
        # `check_numbers` says so.
        return []
    if conf.handler_timeout < conf.visibility_timeout:
        return []
    return [
        Warning(
            f"BUS_HANDLER_TIMEOUT ({conf.handler_timeout} s) is not below "
            f"BUS_VISIBILITY_TIMEOUT ({conf.visibility_timeout} s).",
            hint="Another worker would take a message while its handler may still run.",
            id="bus.W001",
        )
    ]


@register()
def check_numbers(**_kwargs: Any) -> list[CheckMessage]:
    """Numbers and words that nothing can work with."""
    return [
        Error(f"{name} is not {setting.kind}.", id="bus.E002")
        for name, setting in all_settings().items()
        if not _fit(name)
    ]


def _fit(*names: str) -> bool:
    """Whether something can work with each of these settings."""
    known = all_settings()
    return all(known[one].fits(getattr(conf, one.removeprefix("BUS_").lower())) for one in names)


@register()
def check_sizes(**_kwargs: Any) -> list[CheckMessage]:
    """The longest message fits into an event, in both of its forms and however JSON spells it."""
    if not _fit("BUS_BODY_LIMIT", "BUS_MESSAGE_SIZE_LIMIT"):
        return []
    if 8 * MOST * conf.body_limit <= conf.message_size_limit:
        return []
    return [
        Warning(
            f"BUS_BODY_LIMIT ({conf.body_limit} characters) is more than an event of "
            f"BUS_MESSAGE_SIZE_LIMIT ({conf.message_size_limit} bytes) holds for sure.",
            hint="A longer message is stored, and rooms are told of it seconds later.",
            id="bus.W007",
        )
    ]


@register(Tags.database)
def check_broker(databases: Any = None, **_kwargs: Any) -> list[CheckMessage]:
    """The broker is one that can be used and that keeps what it has accepted.

    It is asked where servers are, as with `check --database default`: before Django 6.1 the plain
    `check`, which asks none, comes here, too.
    """
    return broker_messages(_ANSWER_WITHIN) if databases and not check_layer() else []


def broker_messages(within: float) -> list[CheckMessage]:
    """What is wrong with a broker that has so many seconds to answer."""
    try:
        found = async_to_sync(operations.broker_faults)(within)
    except Unavailable as error:
        return [Warning(str(error), hint=_START, id="bus.W009")]
    return [
        Error(fault.text, id="bus.E009")
        if fault.kind == "cluster"
        else Warning(fault.text, id="bus.W010" if fault.kind == "eviction" else "bus.W011")
        for fault in found
    ]


@register()
def check_model(**_kwargs: Any) -> list[CheckMessage]:
    """The model has weights: without them nothing fails, and less is found."""
    if classifier.available():
        return []
    return [
        Warning(
            "The model has no weights: the rules work alone.",
            hint=f"Put back {classifier.packaged(conf.moderation_weights)}, which comes with the "
            "package.",
            id="bus.W002",
        )
    ]
