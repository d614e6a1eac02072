"""What the worker knows of an author when a message is judged."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """The author's recent behaviour in the room."""

    # The last few bodies, oldest first.
    recent: tuple[str, ...] = ()
    # Moderators and owners may post links and repeat themselves.
    trusted: bool = False
