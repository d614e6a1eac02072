"""What the worker knows of an author when a message is judged."""

from typing import NamedTuple


class Context(NamedTuple):
    """The author's recent behaviour; what is not known counts for nothing."""

    # The author's last few messages, in whichever room: what `fingerprint` makes of each.
    recent: tuple[str, ...] = ()
    # Moderators and owners may post links and repeat themselves.
    trusted: bool = False
    # How many seconds ago the author's last few messages in the room came, in any order.
    ages: tuple[float, ...] = ()
    # In the room: owner, moderator, member, guest, service; a policy may exempt some of them.
    role: str = ""
    # Seconds since the account was made; None when nobody knows.
    account_age: float | None = None
    # Whether the author never wrote in the room before.
    first_message: bool = False
    # What is left of the author's strikes after decay.
    strikes: int = 0
