"""Broker hosts: how settings and URLs spell them; connection pools and clients of them."""

from __future__ import annotations

import re
from binascii import crc32
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from channels_redis.utils import create_pool, decode_hosts
from django.core.exceptions import ImproperlyConfigured
from redis import asyncio as aioredis
from redis.asyncio.connection import URL_QUERY_ARGUMENT_PARSERS
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.retry import Retry as BlockingRetry

Host = dict[str, Any]

# A broker that takes no connection for this long is away, in seconds.
CONNECT_TIMEOUT = 5.0
# One silent Sentinel must not hold up the question to the next one, in seconds.
_SENTINEL_TIMEOUT = 1.0
_SENTINEL_PORT = 26379


def hosts_of(configured: list[Any] | None) -> list[Host]:
    """The hosts of `CHANNEL_LAYERS` as dicts; raises ImproperlyConfigured.

    Besides what channels_redis takes, a URL may be several with commas between, and
    `redis+sentinel://[user:password@]host:port,host:port/master_name[?db=0]`.
    """
    found: list[Host] = []
    for host in decode_hosts(configured):
        if "address" not in host:
            found.append(_with_defaults(host))
            continue
        options = {k: v for k, v in host.items() if k != "address"}
        for url in re.split(r",\s*(?=[a-z+]+://)", host["address"]):
            found.append(_with_defaults({**_from_url(url.strip()), **options}))
    return found


def host_index(name: str, hosts: int) -> int:
    """Which of so many hosts a channel or group lives on: the same as with channels_redis."""
    return int((crc32(name.encode()) & 0xFFF) / (4096 / hosts))


def pool(host: Host, **options: Any) -> aioredis.ConnectionPool:
    """A pool that tries once: who calls knows whether trying again does harm."""
    once = {"retry": Retry(NoBackoff(), 0), "socket_connect_timeout": CONNECT_TIMEOUT}
    found: aioredis.ConnectionPool = create_pool({**host, **once, **options})
    return found


def sync_client(host: Host) -> redis.Redis:
    """A blocking client of the same host, for threads; raises redis-py's own errors."""
    options = {
        k: v
        for k, v in host.items()
        if k not in ("address", "socket_timeout", "max_connections", "retry")
    }
    options |= {"socket_timeout": CONNECT_TIMEOUT, "socket_connect_timeout": CONNECT_TIMEOUT}
    retry = BlockingRetry(NoBackoff(), 0)
    if "address" in host:
        return redis.Redis.from_url(host["address"], retry=retry, **options)
    if "master_name" in options:
        name = options.pop("master_name")
        addresses, extra = options.pop("sentinels"), options.pop("sentinel_kwargs", None)
        sentinel = redis.Sentinel(addresses, sentinel_kwargs=extra)  # type: ignore[no-untyped-call]
        master: redis.Redis = sentinel.master_for(name, retry=retry, **options)  # type: ignore[no-untyped-call]
        return master
    return redis.Redis(retry=retry, **options)


async def close(pool: aioredis.ConnectionPool) -> None:
    """Close a pool's connections, and those that it has to Sentinels."""
    await pool.disconnect()
    sentinel: Sentinel | None = getattr(pool, "sentinel_manager", None)
    for client in sentinel.sentinels if sentinel is not None else []:
        await client.aclose()


def _with_defaults(host: Host) -> Host:
    """redis-py's defaults that harm long-lived sockets undone.

    redis-py 8 gives pub/sub sockets a timeout of 5 s and caps a pool at 100 connections.
    """
    host = {"socket_timeout": None, "max_connections": 10_000, **host}
    if "master_name" in host:
        timeouts = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), _SENTINEL_TIMEOUT)
        host["sentinel_kwargs"] = {**timeouts, **(host.get("sentinel_kwargs") or {})}
    return host


def _from_url(url: str) -> Host:
    scheme, mark, _ = url.partition("://")
    if scheme in ("redis+sentinel", "rediss+sentinel"):
        return _sentinel(url)
    if scheme not in ("redis", "rediss", "unix"):
        # Without the mark it may be a password.
        not_with = f", not with {scheme[:20]}://" if mark else ""
        raise ImproperlyConfigured(
            f"A broker's URL begins with redis://, rediss://, unix://, redis+sentinel:// or "
            f"rediss+sentinel://{not_with}. See docs/brokers.md."
        )
    try:
        # Read by redis-py alone, and not before it connects.
        urlsplit(url).port  # noqa: B018
    except ValueError as error:
        # Not which: a password with a slash in it ends up where the port is.
        raise ImproperlyConfigured(
            "The port in the broker's URL is no number from 0 to 65535. In a user name or a "
            "password / is written as %2F, # as %23 and ? as %3F."
        ) from error
    return {"address": url}


def _sentinel(url: str) -> Host:
    """The dict that channels_redis takes for Sentinels, from our URL."""
    parts = urlsplit(url)
    userinfo, _, addresses = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    master = parts.path.strip("/")
    if not addresses or not master:
        raise ImproperlyConfigured(
            "A Sentinel URL names the Sentinels and the master: "
            "redis+sentinel://host:26379,host:26379/mymaster. See docs/brokers.md."
        )
    host: Host = {"sentinels": [_address(a) for a in addresses.split(",")], "master_name": master}
    if user:
        host["username"] = unquote(user)
    if password:
        host["password"] = unquote(password)
    inner: Host = {}
    if parts.scheme == "rediss+sentinel":
        host["ssl"] = inner["ssl"] = True
    for name, value in parse_qsl(parts.query):
        parsed = URL_QUERY_ARGUMENT_PARSERS.get(name, str)(value)
        if name.startswith("sentinel_"):
            inner[name.removeprefix("sentinel_")] = parsed
        else:
            host[name] = parsed
            if name.startswith("ssl_"):
                inner[name] = parsed
    return {**host, "sentinel_kwargs": inner}


def _address(text: str) -> tuple[str, int]:
    """A Sentinel's host and port; an IPv6 address stands in brackets."""
    found = re.fullmatch(r"\[?([^\]]+?)\]?(?::(\d+))?", text.strip())
    if found is None:
        raise ImproperlyConfigured(f"{text!r} is not the host:port of a Sentinel.")
    return found[1], int(found[2] or _SENTINEL_PORT)
