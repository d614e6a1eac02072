"""Asks judges outside of Bus, over HTTP, about what our own would post; they can have it held."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import socket
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from bus.conf import conf
from bus.enforcement import room_policies
from bus.models import Room
from bus.moderation import Context, Hit, Verdict
from bus.moderation.reasons import CRISIS
from bus.protocol import reasons

logger = logging.getLogger(__name__)

_POSTED: Final = ("allow", "alert", "mask")
# Answers that are kept, and for how long, in seconds.
_CACHED: Final = 10_000
_CACHE_AGE: Final = 600.0
# So many failures in a row, and the judge is left alone for so many seconds.
BREAK_AFTER: Final = 3
_BREAK_FOR: Final = 30.0
# Requests under way at once; what is more waits for its turn, unless all of them are late.
_AT_ONCE: Final = 4
# A late answer is waited for, in so many timeouts, and kept for when the same is said again.
PATIENCE: Final = 4
_ANSWER_LIMIT: Final = 1_048_576  # bytes
# Severity of what an external judge says: it holds, and never rejects.
_SEVERITY: Final = 2
# It is stored, sent and translated by; nothing else that a judge writes is.
_is_code = re.compile(r"[a-z][a-z0-9_]{0,31}").fullmatch

_CONNECTIONS: Final[dict[str, type[HTTPConnection]]] = {
    "http": HTTPConnection,
    "https": HTTPSConnection,
}
_HEADERS: Final = {"Content-Type": "application/json", "Accept": "application/json"}

_threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="external-judge")


class ExternalClassifier:
    """One per worker lane, and one for a web process; asks nothing where BUS_JUDGE_URL is empty.

    After `break_after` failures in a row it is left alone for a while; a late answer is waited for
    `patience` times BUS_JUDGE_TIMEOUT.
    """

    def __init__(self, *, break_after: int = BREAK_AFTER, patience: float = PATIENCE) -> None:
        self._break_after = break_after
        self._patience = patience
        self.counts: Counter[str] = Counter()
        self._cache: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        self._failures = 0
        self._open_until = 0.0
        self._late = 0

    @property
    def asked(self) -> bool:
        """Whether there is one to ask."""
        return bool(conf.judge_url)

    async def consult(self, verdicts: dict[int, Verdict], bodies: Sequence[str]) -> None:
        """Raise verdicts to `hold` where the judge says so, within BUS_JUDGE_TIMEOUT.

        A judge that fails, is late or is left alone changes nothing; `counts` says how often.
        """
        wanted = {bodies[at]: _digest(bodies[at]) for at, v in verdicts.items() if _askable(v)}
        known = {text: self._cached(digest) for text, digest in wanted.items()}
        missing = [text for text, reason in known.items() if reason is None]
        if missing:
            known |= await self._ask(missing)
        for at, verdict in verdicts.items():
            reason = known.get(bodies[at])
            if reason and _askable(verdict):
                self.counts["held"] += 1
                verdicts[at] = _held(verdict, reason, bodies[at])

    async def _ask(self, texts: list[str]) -> dict[str, str | None]:
        """The reason to hold each text, "" for none; nothing where the judge does not answer."""
        if time.monotonic() < self._open_until or self._late >= _AT_ONCE:
            self.counts["skipped"] += len(texts)
            return {}
        longest = conf.judge_timeout * self._patience
        asking = asyncio.get_running_loop().run_in_executor(_threads, post, texts, longest)
        asking.add_done_callback(partial(self._answered, texts))
        try:
            found = await asyncio.wait_for(asyncio.shield(asking), conf.judge_timeout)
        except Exception as error:
            self._failed(error, len(texts))
            return {}
        finally:
            if not asking.done():
                self._late += 1
                asking.add_done_callback(self._ended)
        self._failures = 0
        self.counts["asked"] += len(texts)
        return dict(zip(texts, found, strict=True))

    def _answered(self, texts: list[str], asking: asyncio.Future[list[str]]) -> None:
        # Looked at, so that asyncio does not complain of an error nobody waited for.
        if not asking.cancelled() and asking.exception() is None:
            for text, reason in zip(texts, asking.result(), strict=True):
                self._keep(_digest(text), reason)

    def _ended(self, _asking: asyncio.Future[list[str]]) -> None:
        self._late -= 1

    def _failed(self, error: Exception, count: int) -> None:
        self.counts["failed"] += count
        self._failures += 1
        if self._failures >= self._break_after:
            self._open_until = time.monotonic() + _BREAK_FOR
            self._failures = 0
            logger.warning(
                "The external judge failed %d times in a row (%r); our own verdicts stand, and it "
                "is asked again in %d s. So far: %s",
                *(self._break_after, error, _BREAK_FOR, dict(self.counts)),
            )

    def _cached(self, digest: bytes) -> str | None:
        at, reason = self._cache.get(digest, (0.0, ""))
        return reason if at and time.monotonic() - at < _CACHE_AGE else None

    def _keep(self, digest: bytes, reason: str) -> None:
        self._cache[digest] = (time.monotonic(), reason)
        if len(self._cache) > _CACHED:
            self._cache.popitem(last=False)


def concerns(room: Room, author: Context) -> bool:
    """Whether a judge outside is asked about what this author says in this room.

    Not where there is no moderation, nor about whom the policy exempts or our own model leaves out.
    """
    exempt = room_policies.of_room(room).exempt
    return (
        room.moderation != Room.Moderation.OFF and not author.trusted and author.role not in exempt
    )


def _askable(verdict: Verdict) -> bool:
    # Who is in danger is not judged by others.
    return verdict.action in _POSTED and verdict.reason != CRISIS


def _held(verdict: Verdict, reason: str, text: str) -> Verdict:
    hit = Hit.whole(text=text, rule="external", reason=reason, severity=_SEVERITY)
    return replace(verdict, action="hold", reason=reason, hits=(*verdict.hits, hit))


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def post(texts: list[str], longest: float) -> list[str]:
    """POST {"texts": […]}; the reason to hold each, "" for none; raises what goes wrong.

    It takes at most `longest` seconds.
    """
    url = urlsplit(conf.judge_url)
    if url.scheme not in _CONNECTIONS or not url.netloc:
        raise ValueError("BUS_JUDGE_URL is no address of http or https")
    connection = _CONNECTIONS[url.scheme](url.netloc, timeout=longest)
    connection.connect()
    # That timeout is of each read, and an answer that trickles in never meets it.
    end = threading.Timer(longest, _cut, [connection.sock])
    end.daemon = True
    end.start()
    try:
        path = urlunsplit(("", "", url.path or "/", url.query, ""))
        connection.request("POST", path, json.dumps({"texts": texts}), _HEADERS)
        answer = connection.getresponse()
        if answer.status != HTTPStatus.OK:
            raise ValueError(f"it answers {answer.status}")
        found = json.loads(answer.read(_ANSWER_LIMIT))["verdicts"]
    finally:
        end.cancel()
        connection.close()
    if not isinstance(found, list) or len(found) != len(texts):
        raise ValueError(f"{len(texts)} verdicts are wanted, in a list")
    return [_reason(verdict) for verdict in found]


def _cut(sock: socket.socket) -> None:
    """End a connection under whoever reads from it."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _reason(verdict: object) -> str:
    """ "" to let a text stand; a judge may say `hold` alone, or a reason with it."""
    if not isinstance(verdict, dict) or verdict.get("action") not in ("allow", "hold"):
        raise ValueError('a verdict is {"action": "allow" or "hold", "reason": …}')
    if verdict["action"] == "allow":
        return ""
    reason = verdict.get("reason", "external")
    known = isinstance(reason, str) and _is_code(reason) and reason not in reasons.RESERVED
    return reason if known else "external"
