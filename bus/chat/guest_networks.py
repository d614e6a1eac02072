"""A guest's mute or ban also holds for other guests from the same network, for a while.

Who drops the cookie is a new guest, and comes from where they came before. What is kept of that is
a digest of the address (of IPv6 the /64), keyed with SECRET_KEY, and only as long as it is used.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from functools import lru_cache

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac

from bus.chat import clock
from bus.conf import conf
from bus.messaging import access_changes
from bus.messaging.access_changes import Change
from bus.models import GuestNetwork, Room, Sanction, SanctionNetwork

_SALT = "bus.network"
_DIGITS = 32


def digest(network: str) -> str:
    """What stands for a network; "" for none, and where nothing is to be known of them."""
    return _digest(network, settings.SECRET_KEY) if network and conf.address_sanctions else ""


@lru_cache(10_000)
def _digest(network: str, secret: str) -> str:
    return salted_hmac(_SALT, network, secret=secret, algorithm="sha256").hexdigest()[:_DIGITS]


def note(seen: Collection[tuple[str, str]]) -> None:
    """Note where guests were seen, as (author key, digest); their sanctions hold there, too."""
    now = clock.now()
    rows = [GuestNetwork(author_key=key, digest=digest, seen_at=now) for key, digest in seen]
    GuestNetwork.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["author_key", "digest"],
        update_fields=["seen_at"],
    )
    for sanction in _young(now).filter(author_key__in={key for key, _ in seen}):
        if _hold(sanction, now):
            access_changes.publish_on_commit(Change(networks=tuple(of_sanction(sanction))))


def follow(sanction: Sanction) -> None:
    """Have a new sanction of a guest hold where the guest came from lately."""
    now = clock.now()
    if sanction.author_key.startswith("g") and _young(now).filter(pk=sanction.pk).exists():
        _hold(sanction, now)


def of_sanction(sanction: Sanction) -> list[str]:
    """The digests of the networks in which a sanction holds, or held."""
    rows = SanctionNetwork.objects.filter(sanction=sanction)
    return list(rows.values_list("digest", flat=True))


def in_force(
    rooms: Iterable[Room], digests: Collection[str] | None = None
) -> list[tuple[str, Sanction]]:
    """The sanctions that hold in rooms for guests from networks; None is all networks.

    Each is as one of whoever comes from there: it ends when it ends there, and says no reason,
    which was for somebody else. It is not to be stored.
    """
    if not conf.address_sanctions or (digests is not None and not digests):
        return []
    now = clock.now()
    rows = SanctionNetwork.objects.filter(
        _lasting("sanction__", now),
        until__gt=now,
        sanction__room__in=list(rooms),
        sanction__lifted_at__isnull=True,
    )
    if digests is not None:
        rows = rows.filter(digest__in=digests)
    return [(row.digest, _inherited(row)) for row in rows.select_related("sanction")]


def forget_old() -> None:
    """Forget where guests came from, and what held there, once it is of no use."""
    now = clock.now()
    GuestNetwork.objects.filter(seen_at__lt=now - _age()).delete()
    SanctionNetwork.objects.filter(until__lt=now).delete()


def _age() -> dt.timedelta:
    return dt.timedelta(seconds=conf.address_sanctions)


def _lasting(prefix: str, now: dt.datetime) -> Q:
    return Q(**{f"{prefix}until__isnull": True}) | Q(**{f"{prefix}until__gt": now})


def _young(now: dt.datetime) -> QuerySet[Sanction]:
    """The sanctions in force that are new enough to hold in networks."""
    recent = Sanction.objects.filter(created_at__gt=now - _age(), lifted_at__isnull=True)
    return recent.filter(_lasting("", now))


def _hold(sanction: Sanction, now: dt.datetime) -> bool:
    """Have a sanction hold wherever its guest came from; whether that is new anywhere."""
    since = now - _age()
    known = GuestNetwork.objects.filter(author_key=sanction.author_key, seen_at__gt=since)
    there = SanctionNetwork.objects.filter(sanction=sanction).values("digest")
    digests = known.exclude(digest__in=there).values_list("digest", flat=True)
    until = sanction.created_at + _age()
    rows = [SanctionNetwork(sanction=sanction, digest=found, until=until) for found in digests]
    SanctionNetwork.objects.bulk_create(rows, ignore_conflicts=True)
    return bool(rows)


def _inherited(row: SanctionNetwork) -> Sanction:
    found = row.sanction
    until = min(row.until, found.until or row.until)
    return Sanction(room_id=found.room_id, author_key="", kind=found.kind, until=until)
