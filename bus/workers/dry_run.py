"""Dry runs in a worker: one step for each channel message, which asks for the next."""

from __future__ import annotations

from django.db import transaction

from bus.messaging import outbox
from bus.models import DryRun
from bus.protocol import channel_names
from bus.protocol.channel_messages import DryRunContinued
from bus.review import dry_run


def go_on(step: DryRunContinued, size: int = dry_run.STEP) -> None:
    """Do a step of `size` messages, and have the next sent with it: none is lost or done twice."""
    with transaction.atomic():
        run = dry_run.step(step.run, step.after, size)
        if run is not None:
            ask(run)


def ask(run: DryRun) -> None:
    """Have a worker do the next step of a run, once the transaction has committed."""
    if run.state == DryRun.State.RUNNING:
        message = DryRunContinued(run=run.pk, after=run.position).as_message()
        # A key of its own: the room's messages do not wait for it.
        outbox.send_on_commit(channel_names.MODERATION, message, ordering_key=f"dry-run-{run.pk}")
