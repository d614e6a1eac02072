"""Which part of the work a sample belongs to: web, worker, or a storm of sockets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from benchmarks.profiling.process import Found, Sample

# Parts by patterns of `file:function`: of the innermost frame that any fits, the first that fits.
Rules = list[tuple[str, list[str]]]

LOOP = "event loop"
WRITES = "socket writes"
READS = "socket reads (kernel)"
OTHER = "other"

# What web processes call of the C library, by themselves or through the loop.
_KERNEL = [
    (WRITES, re.compile(r"^_*(write|writev|send|sendmsg|sendto)(64)?$")),
    (READS, re.compile(r"^_*(read|readv|recv|recvmsg|recvfrom)(64)?$")),
]

# Outside of these nothing is done for anybody: the loop waits, reads and writes.
_RUNS_THE_LOOP = re.compile(
    r"/asyncio/(runners|base_events)\.py:run|/uvloop/|/uvicorn/(server|main|_compat)\.py"
    r"|/sampled\.py:main|/manage\.py"
)

_PUBSUB = [
    r"/bus/broker/(pubsub|local_queue|local_channels|subscriptions)\.py",
    r"/bus/messaging/inbox\.py",
]
_CLIENT = ["/redis/", "/hiredis/", "/bus/broker/", "/bus/messaging/", r"/asyncio/streams\.py"]
_JSON = ["/json/", "/pydantic", "/bus/protocol/"]
_WRITER = [r"/bus/realtime/socket_writer\.py", r"/uvicorn_\w+\.py:(write|put)", ":asgi_send$"]
_SERVER = ["/uvicorn/protocols/", "/websockets/", "/httptools/", "/bus/servers/"]
_STORE = ["/bus/(chat|models|enforcement|posting|review)/"]
_DATABASE = ["/django/db/", "/sqlite3/", "/psycopg", "/bus/database/"]

WEB: Rules = [
    ("JSON and validation", _JSON),
    (WRITES, _WRITER),
    ("WebSocket: parse, ASGI", _SERVER),
    ("pub/sub", _PUBSUB),
    ("session", ["/bus/consumers/"]),
    ("hub", ["/bus/realtime/"]),
    (
        "send chain",
        [
            "/bus/messaging/",
            r"/bus/broker/(channel_layer|stream|send_\w+|ordering_fields|serializer)\.py",
            r"/bus/broker/(idempotency|loop_state|at_most_once|clock|decode)\.py",
            "/bus/moderation/",
        ],
    ),
    ("broker client", _CLIENT),
    ("database", [*_STORE, *_DATABASE, "<statement>"]),
]

STORM: Rules = [
    ("handshake", _SERVER),
    (
        "cookie, token, identity",
        [
            r"/bus/consumers/(identity|visitor|origin|guest_\w+)\.py",
            r"/bus/http/|/hmac\.py|/hashlib\.py|/django/core/sign|/bus/chat/visitors\.py",
        ],
    ),
    ("JSON and validation", _JSON),
    (WRITES, _WRITER),
    ("presence", ["/bus/realtime/presence", "/bus/messaging/presence"]),
    ("pub/sub", _PUBSUB),
    ("broker client", _CLIENT),
    ("database", [*_DATABASE, "<statement>"]),
    (
        "join: rights, recovery",
        [
            r"/bus/consumers/(admission|joined_rooms|batch_loader|commands/rooms)\.py",
            "/bus/realtime/rec",
            *_STORE,
        ],
    ),
    ("hub", ["/bus/realtime/"]),
    ("session", ["/bus/consumers/"]),
    ("application", ["/channels/", "/config/", "/bus/", "/django/"]),
]

WORKER: Rules = [
    (
        "parse",
        [r"/bus/protocol/channel_messages\.py", r"/bus/workers/base\.py:_parse_and_handle"],
    ),
    ("decode", [r"/bus/broker/(decode|serializer|delivery)\.py"]),
    (
        "judge",
        [
            "/bus/moderation/",
            r"/bus/enforcement/(room_policies|recent_texts|author_context)\.py",
            r"/bus/workers/moderation\.py:_judge",
        ],
    ),
    (
        "tell: events",
        [
            r"/bus/posting/events\.py",
            "/bus/protocol/|/pydantic|/json/",
            r"/bus/workers/moderation\.py:_tell",
            r"/bus/messaging/(publisher|event_batch)\.py",
        ],
    ),
    ("ack", [r"/bus/broker/worker/(acknowledgements|settlement)\.py"]),
    ("claim", ["/bus/broker/worker/"]),
    ("settle, beside statements", [*_STORE, r"/bus/workers/moderation\.py"]),
    ("database: ORM", ["/django/db/models/"]),
    ("database: connection, transaction", _DATABASE),
    ("broker client", _CLIENT),
]

# Whatever frame has it, the sample is this part's.
_ANYWHERE: dict[str, Rules] = {
    "web": [("pub/sub", [r"/bus/broker/(pubsub|subscriptions)\.py"])],
    "storm": [],
    "worker": [
        ("database: commit", [r"/django/db/\S+:_?commit$"]),
        ("recall and remember texts", [r"/bus/messaging/text_store\.py"]),
        ("ack", [r"/bus/broker/worker/acknowledgements\.py"]),
    ],
}
_RULES = {"web": WEB, "storm": STORM, "worker": WORKER}
_Compiled = list[tuple[str, re.Pattern[str]]]
_compiled: dict[str, tuple[_Compiled, _Compiled]] = {}


def part_of(sample: Sample, process: str) -> str:
    """The part of a process' work that a sample was taken in."""
    anywhere, rules = _patterns(process)
    names = [f"{file}:{function}" for file, function in sample.frames]
    statement = next((f for file, f in sample.frames if file == "<statement>"), None)
    if statement is not None and process == "worker":
        return f"database: {statement}"
    if process != "worker" and (kernel := _of_kernel(sample)):
        return kernel
    for part, pattern in anywhere:
        if any(pattern.search(name) for name in names):
            return part
    for name in names:
        if _RUNS_THE_LOOP.search(name):
            return _of_loop(sample)
        # A frame that no rule names, such as a helper of ours, works for who called it.
        for part, pattern in rules:
            if pattern.search(name):
                return part
    return OTHER


def seconds(found: Found, process: str) -> dict[str, float]:
    """Processor time by part, in seconds."""
    parts: dict[str, float] = {}
    for sample in found.samples:
        part = part_of(sample, process)
        parts[part] = parts.get(part, 0.0) + sample.weight * found.interval
    return parts


def functions(found: Iterable[Found], process: str, part: str) -> Counter[str]:
    """Of one part, where the innermost frames are, in shares of it."""
    places: Counter[str] = Counter()
    for sample in (sample for each in found for sample in each.samples):
        if part_of(sample, process) == part:
            file, function = sample.frames[0] if sample.frames else ("", sample.symbol)
            places[f"{'/'.join(file.split('/')[-2:])} {function}"] += sample.weight
    return places


def _of_loop(sample: Sample) -> str:
    return _of_kernel(sample) or LOOP


def _of_kernel(sample: Sample) -> str | None:
    """The part of a sample that was taken as the kernel wrote or read for whomever."""
    return next((part for part, pattern in _KERNEL if pattern.match(sample.symbol)), None)


def _patterns(process: str) -> tuple[_Compiled, _Compiled]:
    if process not in _compiled:
        _compiled[process] = _compile(_ANYWHERE[process]), _compile(_RULES[process])
    return _compiled[process]


def _compile(rules: Rules) -> _Compiled:
    return [(part, re.compile("|".join(patterns))) for part, patterns in rules]
