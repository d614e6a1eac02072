"""The threads that work with the database, and their end."""

import threading
from collections.abc import Generator

from bus.database import threads


class Pause:
    """What a coroutine waits for that nobody ever ends."""

    def __await__(self) -> Generator[None, None, None]:
        yield


async def owner(done: list[str]) -> None:
    thread = threads.one_thread("owner")
    try:
        await Pause()
    finally:
        threads.end(thread, lambda: done.append(threading.current_thread().name))


def test_a_thread_does_its_last_thing_as_its_owner_ends() -> None:
    done: list[str] = []
    coroutine = owner(done)
    coroutine.send(None)
    try:
        coroutine.send(None)
    except StopIteration:
        (ended,) = [one for one in threading.enumerate() if one.name.startswith("owner")] or [None]
        if ended is not None:
            ended.join(10)
    assert done == ["owner_0"]


def test_an_owner_that_is_garbage_asks_nothing_of_its_thread() -> None:
    done: list[str] = []
    coroutine = owner(done)
    coroutine.send(None)
    # As the collector does it: perhaps within the lock of all executors.
    coroutine.close()
    assert done == []
    assert not [one for one in threading.enumerate() if one.name.startswith("owner")]
