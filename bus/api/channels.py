"""Endpoints of named channels: send one message or many, and see what a channel does."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Any

from asgiref.sync import sync_to_async
from channels.exceptions import MessageTooLarge
from django.http import HttpRequest, HttpResponse
from ninja import Header, Path, Router
from ninja.responses import Status
from pydantic import SkipValidation, ValidationError
from pydantic_core import to_json

from bus.api import errors
from bus.api.auth import caller_of, needs
from bus.api.channel_schemas import Accepted, ChannelSend, ChannelState, Result
from bus.chat import impostors
from bus.conf import conf
from bus.messaging import operations, sender
from bus.protocol import channel_names, types
from bus.protocol.channel_messages import parse_channel_message
from bus.protocol.errors import BusError, Invalid, NotFound, TooLong

router = Router(tags=["channels"])

ChannelName = Annotated[str, Path(pattern=channel_names.NAMED_CHANNEL)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Within 24 hours a repeat sends nothing and answers with the first id. It "
        "counts for one caller and one channel; in a batch, for each item in its place.",
    ),
]
SEND, VIEW = "bus.send_channel", "bus.view_channel"
REFUSALS = dict.fromkeys((400, 401, 403, 409, 413, 503), errors.Refusal)


@router.post("/{channel}/messages", response={202: Accepted, **REFUSALS}, **needs(SEND))
async def send_message(
    request: HttpRequest,
    channel: ChannelName,
    item: ChannelSend,
    idempotency_key: IdempotencyKey = None,
) -> Status[Accepted]:
    """Put one message into a named channel; 202 says that the broker has it."""
    id_ = await _send(channel, item, _once(request, idempotency_key))
    return Status(202, Accepted(id=id_))


@router.post(
    "/{channel}/batch",
    response={202: list[Result], 207: list[Result], **REFUSALS},
    exclude_none=True,
    **needs(SEND),
)
async def send_batch(
    request: HttpRequest,
    channel: ChannelName,
    items: list[SkipValidation[ChannelSend]],
    response: HttpResponse,
    idempotency_key: IdempotencyKey = None,
) -> Status[list[Result]]:
    """Put messages into a named channel, in this order; 207 where some of them were refused."""
    if len(items) > conf.api_batch_limit:
        raise TooLong(f"A batch may have {conf.api_batch_limit} items (BUS_API_BATCH_LIMIT).")
    # Sent at the same time, they share a round trip, and keep their order.
    results = await asyncio.gather(
        *(
            _result(channel, item, _once(request, idempotency_key, f"{position}", item))
            for position, item in enumerate(items)
        )
    )
    refused = [result.error for result in results if result.error]
    errors.say_when(response, refused)
    return Status(207 if refused else 202, results)


@router.get("", response={200: list[ChannelState], **REFUSALS}, **needs(VIEW))
async def list_channels(request: HttpRequest) -> list[ChannelState]:
    """What each named channel holds and does."""
    found = await operations.stats(await operations.channels())
    return [ChannelState.of(stats) for stats in found]


@router.get(
    "/{channel}", response={200: ChannelState, 404: errors.Refusal, **REFUSALS}, **needs(VIEW)
)
async def get_channel(request: HttpRequest, channel: ChannelName) -> ChannelState:
    """What one named channel holds and does."""
    (stats,) = await operations.stats([channel])
    if not stats.known and channel not in channel_names.WORKED_CHANNELS:
        raise NotFound(f"Nobody has sent to the channel {channel}, and nobody works on it.")
    return ChannelState.of(stats)


async def _send(channel: str, item: ChannelSend, once: str) -> str:
    message = item.as_message(channel)
    if channel in channel_names.WORKED_CHANNELS:
        await _check_names(channel, message)
    try:
        return await sender.send_raw(
            channel,
            message,
            once,
            ordering_key=item.ordering_key,
            not_before=item.not_before or 0,
        )
    except MessageTooLarge as error:
        raise TooLong(str(error), field="data") from error
    except Invalid as error:
        if error.field is not None:
            error.field = f"data.{error.field}"
        raise


async def _check_names(channel: str, message: dict[str, Any]) -> None:
    """Refuse a message that would show a name which looks like a user's."""
    said = parse_channel_message(channel, message)
    if impostors.concerns(said):
        await sync_to_async(impostors.check)(said)


async def _result(channel: str, item: Any, once: str) -> Result:
    """The outcome of one item of a batch."""
    try:
        return Result(status=202, id=await _send(channel, _parsed(item), once))
    except BusError as error:
        return Result(status=error.status, error=errors.as_wire(error))


def _parsed(item: Any) -> ChannelSend:
    if not isinstance(item, dict):
        raise Invalid("An item of a batch is a JSON object.")
    try:
        return ChannelSend.model_validate(item)
    except ValidationError as error:
        refusal = types.refusal_of(error)
    raise refusal


def _once(request: HttpRequest, key: str | None, position: str = "", item: Any = None) -> str:
    """The name of a send in the broker: the caller's key, and in a batch the item and its place.

    The item counts too, so that a shorter batch under the same key loses nothing.
    """
    if key is None:
        return ""
    parts = [caller_of(request).id, key, position]
    digest = hashlib.sha256("\0".join(parts).encode())
    if position:
        digest.update(b"\0" + to_json(item))
    return digest.hexdigest()[:40]
