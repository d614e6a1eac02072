"""Fill a database with rows, by the code of the checkout that this runs in.

`scripts/old_databases.py` runs it in the shell of some version's `manage.py`. Older ones know less,
and their modules lie elsewhere: what a version has is asked, and the rest is left out.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

# In NFC it is two characters, so a text that is full of it grows.
GROWS = "\u0958"
# In NFC it is shorter.
APART = "\u1100\u1161 e\u0301"


def part(*names: str) -> Any:
    """The first of these modules that this version has, or None."""
    for name in names:
        try:
            return import_module(f"bus.{name}")
        except ModuleNotFoundError:
            continue
    return None


moderation = part("moderation")
Visitor = part("chat.visitors", "services.access").Visitor
settle = part("posting.settle", "services.messages")
reviews = part("review.reviews", "services.reviews")
policies = part("enforcement.room_policies", "services.policies")
submitted = part("protocol.channel_messages", "channel_messages", "protocol").MessageSubmitted
Room, Member, Message, Review, Sanction = (
    apps.get_model("bus", name) for name in ("Room", "Member", "Message", "Review", "Sanction")
)


def write(room: Any, author: Any, *bodies: str, reply_to: str | None = None) -> list[Any]:
    """Judge and settle messages of one author; the stored rows."""
    submissions = []
    for number, body in enumerate(bodies):
        message = submitted(
            room=room.name,
            author=author,
            body=body,
            client_id=f"{body[:20]}-{number}",
            reply_to=reply_to,
        )
        policy = policies.of_room(room) if policies else moderation.POLICIES[room.moderation]
        verdict = moderation.judge(body, policy, moderation.Context())
        submissions.append(settle.Submission(room.pk, message, verdict, timezone.now()))
    return [settlement.row for settlement in settle.settle(submissions)]


def visitor(user: User) -> Any:
    """A user as services know one."""
    return Visitor(key=f"u{user.pk}", id=user.pk, name=user.username, user_id=user.pk)


def chat() -> None:
    """Users, rooms and members, messages of every outcome, and decisions."""
    mina = User.objects.create_user("mina", "mina@example.org", "correct horse battery")
    demo = User.objects.create_user("demo", password="correct horse battery")
    mod = User.objects.create_superuser("mod", password="correct horse battery")
    lobby = Room.objects.create(name="lobby", title="Lobby", topic="Say hello.", access="open")
    launch = Room.objects.create(name="launch", title="Launch", moderation="strict")
    backstage = Room.objects.create(name="backstage", access="private", title="무대 뒤")
    archived = Room.objects.create(name="archive_2025", access="open", slow_mode=5)
    author = {user.username: {"id": user.pk, "name": user.username} for user in (mina, demo, mod)}
    Member.objects.create(room=backstage, user=mina, role="owner")
    Member.objects.create(room=launch, user=demo)
    Member.objects.create(room=launch, user=mod, role="moderator")
    first, *_ = write(lobby, {"id": "g1a2b", "name": "guest-1a2b"}, "hello all", "안녕하세요")
    write(lobby, author["mina"], "welcome!", reply_to=str(first.pk))
    write(lobby, author["mina"], "you fucking idiot")
    write(backstage, author["mina"], "ours alone")
    write(lobby, {"name": "ci"}, "build 7 is green")
    write(launch, author["demo"], *(f"look at https://example{n}.com/" for n in range(3)))
    write(archived, author["demo"], "before it was archived")
    Room.objects.filter(pk=archived.pk).update(archived_at=timezone.now())
    approved, rejected = Review.objects.filter(state="open").order_by("pk")[:2]
    reviews.decide(approved.pk, approve=True, by=mod, note="a fine page")
    reviews.decide(rejected.pk, approve=False, by=mod)
    sanction(launch, f"u{demo.pk}", "timeout", mod)
    sanction(lobby, "g1a2b", "ban", mod)


def sanction(room: Any, author_key: str, kind: str, by: User) -> None:
    """Impose a sanction as this version does: a service, or the admin's form."""
    service = part("enforcement.sanctions", "services.sanctions")
    if service:
        minutes = 10 if kind == "timeout" else None
        service.impose(room, author_key, kind, minutes=minutes, by=by, reason="spam")
        return
    Sanction.objects.create(
        room=room, author_key=author_key, kind=kind, created_by=by, reason="spam"
    )


def sends() -> None:
    """A send that waits for the broker, and a key."""
    with transaction.atomic():
        part("messaging", "publisher").send_on_commit(
            "broadcast", {"type": "announcement.requested", "rooms": "all", "body": "at noon"}
        )
    keys = part("chat.api_keys", "services.keys")
    if keys:
        keys.create("build server")


def moderated() -> None:
    """Edits, removals, reports, marks, a dry run: what versions with moderation in rooms have."""
    changes = part("posting.edit", "services.changes")
    if changes is None:
        return
    reports = part("review.reports", "services.reports")
    reads = part("chat.read_state", "services.reads")
    dry_runs = part("review.dry_run", "services.dry_run")
    mina, demo, mod = (User.objects.get(username=name) for name in ("mina", "demo", "mod"))
    lobby = Room.objects.get(name="lobby")
    edited, removed, reported = write(
        lobby, {"id": mina.pk, "name": "mina"}, "frist", "not for you", "buy my book"
    )
    changes.edit(lobby.pk, str(edited.pk), visitor(mina), "first")
    changes.remove(lobby.pk, str(removed.pk), visitor(mina))
    reports.file(lobby, str(reported.pk), visitor(demo), "an advertisement")
    lobby.refresh_from_db()
    reads.mark({(lobby.pk, demo.pk): lobby.head - 1})
    policies.change(lobby.pk, by=mod, parts={"words": ["heck"]}, reason="we are polite")
    dry_runs.start(lobby, by=mod, moderation="strict")


def safer() -> None:
    """Newcomers and networks: what versions that know them have."""
    newcomers = part("chat.newcomers", "services.newcomers")
    networks = part("chat.guest_networks", "services.networks")
    if newcomers is None:
        return
    lobby = Room.objects.get(name="lobby")
    Room.objects.filter(pk=lobby.pk).update(newcomer_wait=60)
    lobby.refresh_from_db()
    newcomers.arrivals([lobby], {(lobby.pk, "gfresh")}, note=True)
    networks.note([("g1a2b", networks.digest("203.0.113.7"))])


def tasks() -> None:
    """A task's result; by the model, since Django before 6 has nothing to enqueue one with."""
    try:
        TaskResult = apps.get_model("bus", "TaskResult")
    except LookupError:
        return
    TaskResult.objects.create(
        id="a-task",
        path="shop.tasks.bill",
        backend="default",
        queue_name="default",
        args=[7],
        kwargs={"name": "a\0b"},
        enqueued_at=timezone.now(),
    )


def bad() -> None:
    """What scripts could write, and no door took or takes: too long, not NFC, with NULs."""
    nul = "\0" if connection.vendor == "sqlite" else ""
    # In bulk, which asks neither a model's own save nor signals.
    User.objects.bulk_create(
        User(username=name, email="x" * 240 + "@example.org")
        for name in ("\ufdfa" * 149 + "x", f"jos{nul}e\u0301", "jos\u00e9")
    )
    Room.objects.bulk_create(
        (
            Room(name="\u0149" * 64, title=GROWS * 120, topic=GROWS * 500),
            Room(name=f"No room{nul}!", title=f"{APART}{nul}"),
            Room(name="Lobby", title="as the lobby, but for its case"),
        )
    )
    common = {
        "room": Room.objects.get(name="lobby"),
        "status": "rejected",
        "created_at": timezone.now(),
    }
    Message.objects.bulk_create(
        (
            Message(
                author_key="g" + "x" * 63,
                author_name=GROWS * 150,
                client_id="long",
                body=GROWS * 200,
                **common,
            ),
            Message(
                author_key="s" + APART,
                author_name=f"{APART}{nul}",
                client_id="apart",
                body=f"{APART}{nul} and more",
                verdict={"body": APART},
                **common,
            ),
        )
    )


def main() -> None:
    """All of it; raises SystemExit where a table stays empty."""
    for fill in (chat, sends, moderated, safer, tasks, bad):
        fill()
    empty = [m.__name__ for m in apps.get_app_config("bus").get_models() if not m.objects.exists()]
    if empty:
        raise SystemExit(f"nothing in {', '.join(empty)}")


main()
