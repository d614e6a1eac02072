"""The tasks of the project."""

import asyncio
import os
import threading
from datetime import UTC, datetime

import django
from django.db import OperationalError
from django.tasks import task
from django.utils import translation

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


if django.VERSION >= (6, 1):

    @task(ordering_key=lambda a, **_: f"a-{a}", max_attempts=2)
    def keyed(a, b=1):
        """Says once for all what orders it, and how often it is tried."""
        raise Odd(a)


@task
async def hang():
    """Ends when it is cancelled."""
    await asyncio.Event().wait()


@task
def hang_in_thread():
    """Never ends."""
    threading.Event().wait()


@task(takes_context=True)
def note_in_file(context, path, n, waits):
    """Notes that it began, and where; may wait, in its first attempt, for who kills its worker."""
    with open(path, "a") as file:
        file.write(f"{n} {os.getpid()}\n")
    if waits and context.attempt == 1:
        threading.Event().wait()
    return n


@task
def meet_an_outage():
    """Fails as when a server is away, which it is not."""
    ran.append("outage")
    raise OperationalError("another server is away")


@task
def count_things():
    """How many rows of the host's there are."""
    from host.models import Thing

    return Thing.objects.count()


@task
def speak(language=None):
    """The language that is spoken; may be changed, for itself alone."""
    if language:
        translation.activate(language)
    return translation.get_language()


@task
async def speak_later(language=None):
    """The same in the event loop."""
    return speak.func(language)


@task
def enqueue_another(a):
    """Enqueues a task from within one."""
    return add.enqueue(a).id


def undecorated():
    """Is no task."""
