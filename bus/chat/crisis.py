"""Help for people in danger: what the author of a message is shown, and nobody else."""

from __future__ import annotations

from bus.conf import conf
from bus.moderation.reasons import CRISIS
from bus.protocol.objects import Contact, Notice

# Clients may translate by the code.
_TEXT = (
    "You are not alone. Talking to somebody can help, at any hour. If you are in danger right now, "
    "call the emergency number of your country."
)


def notice() -> Notice:
    """What is said, and whom to call, by BUS_CRISIS_HELP."""
    return Notice(code=CRISIS, text=_TEXT, contacts=[*_contacts(conf.crisis_help)])


def _contacts(lines: list[str]) -> list[Contact]:
    """`GB:116 123:Samaritans` for each; a line of another form is a name alone."""
    split = [line.split(":", 2) for line in lines]
    return [
        Contact(country=parts[0].strip(), phone=parts[1].strip(), name=parts[2].strip())
        if len(parts) == 3
        else Contact(country="", phone="", name=":".join(parts).strip())
        for parts in split
    ]
