"""What a broker's errors mean to who sends: it is away, full, in cluster mode, or has odd keys."""

from __future__ import annotations

import redis
from redis.exceptions import MasterDownError

from bus.broker.errors import BrokerUnavailable, UnusableKeys

NO_BROKER = (
    "What answers at the broker's address is neither Redis nor Valkey ({said}). Mend REDIS_URL."
)
CLUSTER = (
    "The broker is a Redis or Valkey in cluster mode, which Bus cannot use. Give it one with "
    "cluster mode disabled; see docs/brokers.md."
)
# What such a server says to a command for another node, or to a database's number.
_REDIRECTIONS = ("MOVED", "ASK", "CROSSSLOT", "TRYAGAIN")
# What a broker that refuses writes begins its errors with, and what to tell of it.
_REFUSALS = {
    "OOM": "The broker's memory is full (maxmemory). Nothing was accepted.",
    "MISCONF": "The broker cannot write to its disk. Nothing was accepted.",
    "NOREPLICAS": "The broker has too few replicas to take writes. Nothing was accepted.",
    "BUSY": "The broker is busy with a script. Nothing was accepted.",
}


def no_answer(error: BaseException) -> BrokerUnavailable:
    """What to raise where an answer was lost, or never came."""
    refusal = BrokerUnavailable(f"The broker does not answer ({error}).")
    refusal.__cause__ = error
    return refusal


def no_connection(error: BaseException) -> Exception:
    """What to raise where no connection could be made, or the making of it was given up."""
    if isinstance(error, redis.ConnectionError | redis.TimeoutError | OSError):
        return no_answer(error)
    if isinstance(error, Exception):
        return as_refusal(error)
    return BrokerUnavailable("The connection was given up.")


def as_refusal(error: Exception) -> Exception:
    """A broker that is loading its data, failing over, full or shutting down is away, too."""
    word = "OOM" if isinstance(error, redis.OutOfMemoryError) else str(error).split(" ", 1)[0]
    if isinstance(error, redis.ConnectionError | redis.ReadOnlyError | MasterDownError):
        return no_answer(error)
    if isinstance(error, redis.InvalidResponse):
        refusal = BrokerUnavailable(NO_BROKER.format(said=error))
    elif _is_cluster(error, word):
        refusal = BrokerUnavailable(CLUSTER)
    elif "DB index is out of range" in str(error):
        refusal = BrokerUnavailable("The broker has no database of this number. Mend REDIS_URL.")
    elif word in _REFUSALS:
        refusal = BrokerUnavailable(_REFUSALS[word])
    elif word == "WRONGTYPE" or "user_script" in str(error):
        # A script that stumbles does so over what it finds.
        refusal = UnusableKeys(f"The keys in the broker cannot be used ({error}).")
    else:
        return error
    refusal.__cause__ = error
    return refusal


def _is_cluster(error: Exception, word: str) -> bool:
    # redis-py takes the first word of some away.
    errors = redis.exceptions
    kinds = (
        errors.AskError,
        errors.ClusterCrossSlotError,
        errors.ClusterDownError,
        errors.TryAgainError,
    )
    said = word in _REDIRECTIONS or "cluster mode" in str(error)
    return isinstance(error, kinds) or (isinstance(error, redis.ResponseError) and said)
