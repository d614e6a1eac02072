"""The tasks of the project."""

import asyncio
import os
import threading
from datetime import UTC, datetime

from django.tasks import task

# What tests hold tasks up with, and let go.
gate = threading.Event()
# What ran, in order.
ran = []


class Odd(Exception):
    """An exception of the project's own."""


@task
def add(a, b=1):
    """Adds."""
    return a + b


@task
async def add_later(a, b=1):
    """Adds in the event loop."""
    await asyncio.sleep(0)
    return a + b


@task
def give_back(value=None, **more):
    """Returns what it was given."""
    return {"value": value, **more} if more else value


@task
def fail(text):
    """Fails of another error."""
    try:
        raise KeyError(text)
    except KeyError as error:
        raise Odd(text) from error


@task
async def fail_later(text):
    """Fails in the event loop."""
    raise Odd(text)


@task
def leave():
    """Would end a process that lets it."""
    raise SystemExit(3)


@task
async def cancel():
    """Is cancelled by itself."""
    raise asyncio.CancelledError


@task
def stop_iterating():
    """Raises what no future takes."""
    raise StopIteration


@task
def now():
    """Returns what is no JSON."""
    return datetime.now(UTC)


@task(takes_context=True)
def about(context, word):
    """Tells what it knows of itself."""
    result = context.task_result
    return [word, context.attempt, result.id, result.status, len(result.worker_ids)]


@task(queue_name="mail", priority=7)
def mail(to):
    """Is of another queue."""
    return to


@task
def note(what, fails=0, holds=False):
    """Notes that it ran; fails so often, and may be held up."""
    ran.append(what)
    if holds:
        gate.wait(30)
    if ran.count(what) <= fails:
        raise Odd(what)
    return what


@task(takes_context=True)
def note_in_file(context, path, n, held):
    """Notes that it began; each tenth waits once for somebody who kills its worker."""
    with open(path, "a") as file:
        file.write(f"{n}\n")
    if held and context.attempt == 1:
        os.kill(os.getpid(), 19)
    return n


@task
def enqueue_another(a):
    """Enqueues a task from within one."""
    return add.enqueue(a).id


def undecorated():
    """Is no task."""
