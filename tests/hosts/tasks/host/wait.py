"""Waiting for a fact, never for a time."""

import time


def until(fact, what, seconds=30.0):
    """The fact's first true value; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := fact()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for: {what}"
        time.sleep(0.01)
    return value


def finished(result):
    """The result once it is finished; that of a back-end which knows no other way is so at once."""
    if not result.task.get_backend().supports_get_result:
        assert result.is_finished
        return result

    def is_finished():
        result.refresh()
        return result.is_finished

    until(is_finished, f"the end of {result.task.module_path}: {result}")
    return result
