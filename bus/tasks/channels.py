"""Which named channels bring tasks, and the worker of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.tasks import task_backends

from bus.protocol import channel_names
from bus.tasks.backend import Backend
from bus.workers.tasks import TaskWorker


def workers() -> dict[str, Callable[..., Awaitable[None]]]:
    """The consumer of each channel of the queues that TASKS names for Bus."""
    backends: list[Any] = [one for one in task_backends.all() if isinstance(one, Backend)]
    queues = sorted({queue for backend in backends for queue in backend.queues})
    return {
        channel: TaskWorker.as_asgi()
        for queue in queues
        for channel in channel_names.task_channels(queue)
    }
