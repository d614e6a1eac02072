"""What the endpoints of named channels take and answer."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from bus.broker.channel_stats import ChannelStats
from bus.protocol import channel_messages, channel_names
from bus.protocol.errors import Invalid
from bus.protocol.types import Label

# In ms since 1970: less is a time in seconds, more is past the year 9999.
_EARLIEST_MS, _LATEST_MS = 100_000_000_000, 253_402_300_799_999


def _moment(value: Any) -> int:
    if isinstance(value, str):
        try:
            at = dt.datetime.fromisoformat(value)
        except ValueError:
            at = dt.datetime.min
        if at.tzinfo is None:
            raise ValueError("say 2026-11-21T09:30:00Z, with the offset, or ms since 1970")
        value = round(at.timestamp() * 1000)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("a time is RFC 3339 text or a number of ms since 1970")
    if not _EARLIEST_MS <= value <= _LATEST_MS:
        raise ValueError("this is no time in ms since 1970 (a time in seconds?)")
    return value


Moment = Annotated[
    int,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "integer", "minimum": _EARLIEST_MS, "maximum": _LATEST_MS},
            ],
            "description": "RFC 3339 with its offset, or milliseconds since 1970",
        }
    ),
]


class ChannelSend(BaseModel):
    """One message for a named channel."""

    model_config = ConfigDict(extra="forbid")

    # Workers find the handler by it.
    type: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,99}$")
    data: dict[str, Any]
    # Messages of one key are handled one after the other.
    ordering_key: Annotated[Label, Field(min_length=1, max_length=200)] | None = None
    # Not handled before; at once where it is past.
    not_before: Moment | None = None

    def as_message(self, channel: str) -> dict[str, Any]:
        """The channel message; raises Invalid or TooLong naming the field."""
        if self.data.get("type", self.type) != self.type:
            raise Invalid("data.type: the type stands beside the data", field="data.type")
        message = {**self.data, "type": self.type}
        if channel in channel_names.WORKED_CHANNELS:
            # Refused at the door rather than found among the dead letters.
            return channel_messages.parse_channel_message(channel, message).as_message()
        return message


class Accepted(BaseModel):
    """The broker has the message, under this id."""

    id: str


class Result(BaseModel):
    """The outcome of one item of a batch: 202 and its id, or the status and the error."""

    status: int
    id: str | None = None
    error: dict[str, Any] | None = None


class WorkerState(BaseModel):
    """A live worker of a channel, as it told of itself within the last seconds."""

    id: str
    host: str
    pid: int
    version: str
    channels: list[str]
    # Over all of its channels: messages in hand, and handled since it started.
    in_flight: int
    handled: int
    # By the worker's own clock, in seconds since 1970.
    started: float
    last_handled: float | None


class ChannelState(BaseModel):
    """One named channel at one moment."""

    channel: str
    # Messages that wait, and how long the first has been there, in seconds.
    depth: int
    oldest_age: float | None
    # In the hands of workers; set aside until they are due; what all three may add up to.
    in_flight: int
    delayed: int
    capacity: int
    # Messages handled, and sent, per second within the last minute.
    rate: float
    rate_in: float
    # Failed attempts that were to be repeated, since the channel began; dead letters kept now.
    retries: int
    dead: int
    workers: list[WorkerState]
    # The JSON Schema of each type that Bus knows; none for channels of your own workers.
    types: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, stats: ChannelStats) -> ChannelState:
        """As the broker counts it."""
        return cls(
            channel=stats.channel,
            depth=stats.depth,
            oldest_age=stats.oldest_age,
            in_flight=stats.in_flight,
            delayed=stats.delayed,
            capacity=stats.capacity,
            rate=round(stats.rate_done / 60, 3),
            rate_in=round(stats.rate_in / 60, 3),
            retries=stats.totals.retries,
            dead=stats.dead,
            workers=[WorkerState(**dataclasses.asdict(worker)) for worker in stats.workers],
            types={
                kind: schema.model_json_schema()
                for (channel, kind), schema in channel_messages.CHANNEL_MESSAGES.items()
                if channel == stats.channel
            },
        )
