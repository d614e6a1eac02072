"""Every setting of Bus: its meaning, unit and default."""

from __future__ import annotations

from typing import Any

from bus.conf.kinds import Choice, Networks, PerChannel, RateSetting, Secret, Setting


class Conf:
    """The settings of Bus as typed attributes: `conf.body_limit`."""

    # Pages
    base_template = Setting(
        "bus/base.html",
        "The template that the pages extend; it has the blocks `title`, `head` and `content`",
    )
    websocket_url = Setting(
        "",
        "Where pages open their WebSocket, if not where `bus.urls` is included: a path, or "
        "`wss://…` of another host",
    )

    # People and rooms
    open_rooms = Setting(
        False,
        "A room that does not exist is made when the first socket joins it, open to guests. "
        "On when everything runs embedded",
    )
    user_room_rate = RateSetting(
        "10/h",
        "Rooms that one visitor may make so, and how fast more are allowed. "
        "No limit when everything runs embedded",
    )
    address_room_rate = RateSetting(
        "200/h", "The same for all who come from one address, or IPv6 /64"
    )
    room_rate = RateSetting("1000/d", "The same for everybody together")
    guests = Setting(True, "People without an account may enter rooms whose access is `open`")
    reserved_names = Setting(
        [
            *("admin", "administrator", "announcement", "announcements", "bot", "bus", "everyone"),
            *("guest*", "help", "here", "moderator", "mod", "official", "operator", "owner"),
            *("root", "security", "service", "staff", "superuser", "support", "sysadmin", "system"),
            *("webmaster", "관리자", "운영자", "운영진", "시스템", "공지", "공지사항", "알림"),
            *("고객센터", "고객지원", "게스트*", "손님*", "모두"),
        ],
        "Names that nobody can sign up under, nor under what looks like them, comma-separated; "
        "`*` at the end stands for anything",
    )
    user_adapter = Setting(
        "bus.chat.user_adapter.UserAdapter",
        "The class that says how users are shown, and which roles they have: "
        "[users](how-to/users.md)",
    )
    unique_names = Setting(
        False,
        "A user whose name looks like another's is not stored: saving it raises ValidationError. "
        "Off, that is the project's own affair, and `bus names` lists such names. On in this "
        "repository's project",
    )
    allowed_origins = Setting[list[str]](
        [],
        "Origins that may open a WebSocket besides the site's own and CSRF_TRUSTED_ORIGINS, "
        "comma-separated; `*` allows any",
    )

    trusted_proxies = Networks(
        [],
        "Proxies whose `X-Forwarded-For` and `X-Script-Name` are believed: addresses and networks, "
        "comma-separated, and `unix` for who comes through a unix socket",
    )

    # Who knocks too often
    address_sanctions = Setting(
        86_400.0,
        "How long a guest's mute or ban also holds, in its room, for other guests from the same "
        "address (IPv6: /64): who drops the cookie is a new guest. Signed-in people are never "
        "meant; 0 is not at all",
        "s",
    )
    secret_rate = RateSetting(
        "60/h",
        "Wrong API keys, tokens and links of mails from one address. What was right from there "
        "within a day may go on, and a right token always; 0 is no limit",
    )
    guest_rate = RateSetting(
        "1000/h",
        "New guests from one address; who shows the cookie or token of before is not new. "
        "0 is no limit. No limit when everything runs embedded",
    )

    # The wire
    body_limit = Setting(2000, "Longest body of a message", "characters", least=1)
    edit_window = Setting(
        900.0, "How long after its posting an author may change a message; 0 is always", "s"
    )
    frame_limit = Setting(65536, "Largest frame taken from a client", "bytes", least=1)
    heartbeat = Setting(
        25, "A client that heard nothing for this long sends `session.ping`", "s", least=1
    )
    page_limit = Setting(
        100, "Most messages in one page of history or recovery", "messages", least=1
    )
    recovery_limit = Setting(
        500, "Most messages that a `room.join` with `since` repeats", "messages"
    )
    join_limit = Setting(100, "Most rooms that one session may have joined", "rooms", least=1)
    send_rate = Setting(10.0, "Messages per second that one session may send, on average", "1/s")
    send_burst = Setting(100, "Messages that one session may send at once", "messages", least=1)
    plain_send_rate = Setting(
        10.0,
        "The same for one plain chat socket, which may be a script; 0 is no limit. "
        "No limit when everything runs embedded",
        "1/s",
    )
    rights_check = Setting(
        30.0,
        "Between two looks at the rights of every live socket, in case word of a change was lost; "
        "a change that is told acts within a second",
        "s",
        least=0.1,
    )
    outbox_limit = Setting(
        1_048_576, "What may wait for one socket before it is closed with 4408", "bytes", least=1024
    )
    flush_window = Setting(
        0.005,
        "Under load, what comes for a room within this leaves together; a lone message at once",
        "s",
        least=0,
    )
    position_check = Setting(
        3.0,
        "Between two looks for messages that the broker did not bring to this process",
        "s",
        least=0.05,
    )
    user_connections = Setting(
        100, "Most sockets of one user or guest in one process; 0 is no limit", "sockets"
    )
    address_connections = Setting(
        1000,
        "Most sockets from one address (IPv6: /64) in one process; 0 is no limit. Private "
        "addresses count where BUS_TRUSTED_PROXIES is set: without, they may be those of a proxy",
        "sockets",
    )
    user_send_rate = Setting(
        30.0,
        "Messages per second that one user may send in all sessions of one process, on average; "
        "0 is no limit",
        "1/s",
    )
    address_rate = Setting(
        20.0,
        "What all guests from one address (IPv6: /64) may send, join, report and ask for in one "
        "process, in times of what one person may; 0 is no limit. Addresses count as for "
        "BUS_ADDRESS_CONNECTIONS, and those of this machine never do",
        "persons",
    )
    join_rate = Setting(
        20.0,
        "Joins per second of one user in one process, on average; 0 is no limit",
        "1/s",
    )
    closing_window = Setting(
        2.0, "A stopping web process closes its sockets over this long, at most", "s"
    )
    reconnect_window = Setting(
        10.0,
        "Clients of a stopping web process are asked to come back within this long; fewer clients "
        "within less",
        "s",
    )
    recovery_cache = Setting(
        67_108_864,
        "What the newest messages of active rooms may take in one process, to answer joins "
        "without the database; 0 is nothing",
        "bytes",
    )
    presence_grace = Setting(
        10.0,
        "Who leaves a room and is back within this never left, as the room sees it",
        "s",
        least=0,
    )
    rights_age = Setting(
        1.0,
        "What is known of a room and its sanctions serves new joins for this long",
        "s",
        least=0,
    )
    direct_websockets = Setting(
        True,
        "Under uvicorn, run as the Procfile runs it, Bus reads WebSockets itself, in less time and "
        "memory; off, uvicorn and its library do, within the same bounds",
    )
    send_timeout = Setting(
        10.0, "Longest write to one socket before it is closed with 4408", "s", least=0.1
    )

    # HTTP
    head_limit = Setting(
        32_768, "Largest head of a request: its address and headers", "bytes", least=1024
    )
    request_body_limit = Setting(
        262_144,
        "Largest body of a request that is not of the API, such as a form",
        "bytes",
        least=1,
    )
    request_timeout = Setting(
        10.0,
        "Longest that the head of a request may take to come, and its body, which has a second "
        "more for each 16 KiB",
        "s",
        least=0.1,
    )
    http_connections = Setting(
        1000,
        "Most HTTP connections of one process, WebSockets aside; beyond, the oldest that asks for "
        "nothing is closed. 0 is no limit",
        "connections",
    )
    address_http_connections = Setting(
        100,
        "The same for one address; private ones, and those of BUS_TRUSTED_PROXIES, are not counted",
        "connections",
    )
    content_security_policy = Setting(
        "",
        "The `Content-Security-Policy` of each response of Bus's that brings none; a project may "
        "rather have a middleware of its own. Empty: none. In this repository's project, what the "
        "pages need",
    )
    bound_all_requests = Setting(
        False,
        "What bounds the requests of Bus's own pages and API (`BUS_REQUEST_BODY_LIMIT`, "
        "`BUS_REQUEST_TIMEOUT`, `BUS_DATABASE_CONNECTIONS`) bounds those of the whole project. On "
        "in this repository's own project",
    )
    tune_processes = Setting(
        False,
        "Make processes faster where that reaches beyond Bus: a worker has Channels' consumers "
        "look at their database connections once a second, not before each message, and its "
        "threads keep theirs whatever `DATABASES` says; a web process looks for garbage less "
        "often. On in this repository's own project",
    )
    database_connections = Setting(
        10,
        "Most database connections of one web process, for pages, API, sockets and probes "
        "together; who finds none free waits, and is told `unavailable` after 10 s",
        "connections",
        least=3,
    )

    # The HTTP API
    probe_secret = Secret(
        "",
        "Who shows it to `/readyz`, as `Authorization: Bearer …`, is told what is wrong; others "
        "are told the names of the checks and whether each is ok. Empty: staff alone are told",
    )
    api_body_limit = Setting(1_048_576, "Largest body of an API request", "bytes", least=1)
    api_batch_limit = Setting(500, "Most messages in one batch of the API", "messages", least=1)

    # The channel layer
    layer = Setting(
        "default",
        "The alias in `CHANNEL_LAYERS` of the layer that Bus uses, beside others of a project",
    )
    prefix = Setting("bus", "What every key and channel in the broker begins with")
    capacity = Setting(
        100_000, "Messages that a named channel holds before it refuses", "messages", least=1
    )
    partitions = Setting(16, "Partitions of a named channel; may be raised at any time", least=1)
    visibility_timeout = Setting(
        60.0,
        "A claimed message that is idle for this long is taken by another worker",
        "s",
        least=1,
    )
    max_attempts = Setting(5, "Deliveries of a message before it becomes a dead letter", least=1)
    retry_base = Setting(
        0.5, "Longest wait before the first retry; doubles with each", "s", least=0.001
    )
    retry_cap = Setting(60.0, "Longest wait before any retry", "s", least=0.001)
    message_size_limit = Setting(
        262_144, "Largest message that a channel takes", "bytes", least=1024
    )
    mailbox_limit = Setting(
        67_108_864,
        "What may wait for one channel of a process, such as the news of changed rights; more is "
        "dropped, counted, and for rights read again from the database",
        "bytes",
        least=1024,
    )
    handler_timeout = Setting(
        30.0, "Longest that a handler may take for one delivery", "s", least=0.1
    )
    drain_timeout = Setting(8.0, "What a stopping worker may take to finish what it holds", "s")
    batch_size = Setting(256, "Most messages that a worker claims at once", "messages", least=1)
    dead_letter_limit = Setting(10_000, "Dead letters kept per channel", "messages")
    rewrite_interval = Setting(
        0.0,
        "After texts were removed or changed, the broker is asked to write its append-only file "
        "anew, no more often than this; 0 is never. 600 when everything runs embedded",
        "s",
    )
    retention = PerChannel(
        ["0"],
        "How long handled messages are kept for `bus replay`; 0 is not at all. For all channels, "
        "or by pattern, such as `moderation=86400,*=0`",
        "s",
    )
    retention_limit = Setting(100_000, "Handled messages kept per channel at most", "messages")
    retention_size = Setting(67_108_864, "What they may take in the broker, per channel", "bytes")

    # Tasks (bus.tasks.Backend)
    task_result_age = Setting(
        604_800.0,
        "How long the result of a task is kept after the task has finished; 0 is for ever",
        "s",
    )

    # The moderation worker
    judge_url = Setting(
        "",
        "An external judge, asked by POST about what would be posted; it may have it held. "
        "Empty: none",
    )
    judge_timeout = Setting(
        0.5, "Longest that a list of messages, or an edit, waits for the external judge", "s"
    )
    crisis_help = Setting(
        [
            *("US:988:988 Suicide & Crisis Lifeline", "CA:988:9-8-8 Suicide Crisis Helpline"),
            *("GB:116 123:Samaritans", "IE:116 123:Samaritans", "KR:109:자살예방 상담전화"),
            *("KR:1388:청소년상담전화", "DE:116 123:TelefonSeelsorge", "AT:142:TelefonSeelsorge"),
            *("CH:143:Die Dargebotene Hand", "FR:3114:Numéro national de prévention du suicide"),
            *("ES:024:Línea 024", "NL:113:113 Zelfmoordpreventie", "AU:13 11 14:Lifeline"),
            *("NZ:1737:1737 Need to talk?", "findahelpline.com"),
        ],
        "Whom somebody in danger may call, comma-separated: `GB:116 123:Samaritans`, or a name "
        "alone for the rest of the world. Check the numbers of your countries",
    )
    learned_weights = Setting(
        True,
        "The model takes what `moderation learn --switch` left in "
        "`moderation/weights.npz` under BUS_VAR_DIR, where there is such a file",
    )
    moderation_weights = Choice(
        "own",
        ("own", "sharealike"),
        "Which weights of the package the model takes: `sharealike` find more in Korean, and are "
        "under CC-BY-SA-4.0; see [figures](moderation-figures.md#two-files-of-weights)",
    )


conf = Conf()


def all_settings() -> dict[str, Setting[Any]]:
    """Every `BUS_*` setting by its name."""
    return {s.name: s for s in vars(Conf).values() if isinstance(s, Setting)}
