"""Messages that no handler survives: they fail alone, are tried again, and end as dead letters."""

from collections.abc import Iterator
from hashlib import sha1
from itertools import pairwise
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.wait import until
from tests.support.worker_bench import Bench, Note, bench, job, now

ATTEMPTS = 4
# Longest wait before the first retry, doubled for each that follows, in seconds.
BASE = 1.0
HANDLER_TIMEOUT = 1.0
SETTINGS = {
    "BUS_MAX_ATTEMPTS": str(ATTEMPTS),
    "BUS_RETRY_BASE": str(BASE),
    "BUS_HANDLER_TIMEOUT": str(HANDLER_TIMEOUT),
}
# The poison stands in the midst of good ones, of its own key and of others.
POISON = 50
GOOD = [n for n in range(100) if n != POISON]
# What a machine under load may add, in seconds.
SLACK = 3.0


@pytest.fixture(scope="module")
def workers(backend: Backend) -> Iterator[Bench]:
    """Two workers for those tests that leave them alive."""
    with bench(backend, "poison", **SETTINGS) as found:
        for name in ("one", "two"):
            found.site.start(name, "manage.py", "runworker", "jobs", "batches")
        for name in ("one", "two"):
            found.site.wait_for(name, "listens on")
        yield found


class Poisoned:
    """Good messages with one bad among them, and what became of all."""

    def __init__(self, workers: Bench, channel: str, kind: str, base: int = 0) -> None:
        """`base` keeps the numbers of one test from those of another."""
        self.workers = workers
        self.channel = channel
        self.poison = base + POISON
        self.good = {base + n for n in GOOD}
        self.before = len(workers.dead(channel))
        jobs = [
            job(kind if n == POISON else "note", base + n, f"key{n % 5}", base=base)
            for n in range(100)
        ]
        self.sent = now()
        workers.send(channel, jobs)

    def wait_for_the_good(self, seconds: float) -> list[Note]:
        """Wait until all good ones are done; their notes."""
        until(lambda: self.good <= self.workers.done(), "the good messages", seconds)
        return [note for note in self.workers.notes("done") if note.n in self.good]

    def attempts(self, what: str) -> list[Note]:
        """What was tried with the poison."""
        return [note for note in self.workers.notes(what) if note.n == self.poison]

    def letter(self, seconds: float = 40) -> dict[str, bytes]:
        """Wait for the dead letter: the poison's, and no other."""
        until(lambda: len(self.workers.dead(self.channel)) > self.before, "a dead letter", seconds)
        self.workers.wait_until_empty(self.channel)
        letters = self.workers.dead(self.channel)[self.before :]
        assert len(letters) == 1, letters
        return letters[0]


def check_backoff(attempts: list[Note], lasting: float = 0) -> None:
    """No wait is longer than it may be; that they double and are random is shown by
    tests/unit/broker/test_outage.py, and of what the broker holds by test_worker.py."""
    for number, (one, next_) in enumerate(pairwise(attempts)):
        assert next_.at - one.at < lasting + BASE * 2**number + SLACK


def check_letter(letter: dict[str, bytes], error: str, attempts: int = ATTEMPTS) -> None:
    """It tells what happened."""
    assert error in letter["error"].decode() + letter["traceback"].decode()
    assert int(letter["attempts"]) == attempts
    assert 0 < int(letter["sent_at"]) <= int(letter["at"])


def test_a_handler_that_always_raises(workers: Bench) -> None:
    case = Poisoned(workers, "jobs", "raise")
    good = case.wait_for_the_good(SLACK)
    letter = case.letter()
    check_letter(letter, "RuntimeError: poisoned")
    assert "in job_raise" in letter["traceback"].decode()
    assert len(case.attempts("raise")) == ATTEMPTS
    check_backoff(case.attempts("raise"))
    assert len(good) == len(GOOD)
    # What stood behind it in its partition did not wait for it.
    behind = [note for note in good if note.key == "key0" and note.n > POISON]
    assert all(note.at < case.attempts("raise")[-1].at for note in behind)


def test_a_handler_that_hangs(workers: Bench) -> None:
    case = Poisoned(workers, "jobs", "hang", 1000)
    good = case.wait_for_the_good(HANDLER_TIMEOUT + SLACK)
    letter = case.letter()
    check_letter(letter, "BUS_HANDLER_TIMEOUT")
    assert len(case.attempts("hang")) == ATTEMPTS
    check_backoff(case.attempts("hang"), HANDLER_TIMEOUT)
    assert len(good) == len(GOOD)


def test_what_cannot_be_decoded_or_has_no_handler(workers: Bench) -> None:
    before = len(workers.dead("jobs"))
    good = {2000 + n for n in range(30)}
    for n in sorted(good):
        workers.send("jobs", [job("note", n, "same")])
        if n == 2010:
            bad: list[dict[str, Any]] = [
                {"raw": b"\xc1 is not msgpack"},
                {"type": "job.nobody_knows"},
                {"no": "type"},
            ]
            workers.send("jobs", [(message, "same") for message in bad])
    until(lambda: good <= workers.done(), "the good messages", SLACK)
    until(lambda: len(workers.dead("jobs")) == before + 3, "three dead letters", SLACK)
    workers.wait_until_empty("jobs")
    letters = workers.dead("jobs")[before:]
    assert [int(letter["attempts"]) for letter in letters] == [1, 1, 1]
    told = b" ".join(letter["error"] for letter in letters).decode()
    for part in ("cannot be decoded", "No handler for message type", "its type is None"):
        assert part in told


def test_a_batch_of_which_one_fails(workers: Bench) -> None:
    case = Poisoned(workers, "batches", "raise", 3000)
    good = case.wait_for_the_good(SLACK)
    check_letter(case.letter(), "RuntimeError: poisoned")
    assert len(case.attempts("raise")) == ATTEMPTS
    check_backoff(case.attempts("raise"))
    # The others of its list are not handled again.
    assert len(good) == len(GOOD)


def test_nobody_died_of_these(workers: Bench) -> None:
    assert workers.site.fallen() == []
    for name in ("one", "two"):
        assert "died; it starts again" not in workers.site.text(name)


def test_a_thread_that_hangs(backend: Backend) -> None:
    with bench(backend, "thread", **SETTINGS) as found:
        # One worker alone: what it cannot do after the hang, nobody does.
        process = found.site.worker("one", "syncjobs")
        case = Poisoned(found, "syncjobs", "hang")
        case.wait_for_the_good(60)
        check_letter(case.letter(60), "BUS_HANDLER_TIMEOUT")
        assert len(case.attempts("hang")) == ATTEMPTS
        # The same process under the same number, started anew after each.
        assert process.poll() is None
        assert found.site.text("one").count("The worker starts anew") == ATTEMPTS
        assert found.site.text("one").count("listens on") in (ATTEMPTS, ATTEMPTS + 1)


def test_a_thread_of_the_loop_that_hangs_does_not_hold_up_the_end(backend: Backend) -> None:
    with bench(backend, "block", **SETTINGS) as found:
        found.site.worker("one", "jobs")
        case = Poisoned(found, "jobs", "block")
        case.wait_for_the_good(60)
        check_letter(case.letter(60), "BUS_HANDLER_TIMEOUT")
        assert found.site.stop("one", seconds=10) == 0


# With sleep() Python's signal handlers run, in a call to C they do not.
@pytest.mark.parametrize("kind", ["standstill", "deadlock", "stubborn"])
def test_a_handler_that_takes_the_event_loop_along(backend: Backend, kind: str) -> None:
    settings = {**SETTINGS, "BUS_MAX_ATTEMPTS": "2", "BUS_RETRY_BASE": "0.2"}
    with bench(backend, kind, **settings) as found:
        # One worker alone: what it cannot do afterwards, nobody does.
        process = found.site.worker("one", "jobs")
        case = Poisoned(found, "jobs", kind)
        case.wait_for_the_good(30)
        blocks = kind != "stubborn"
        error = "its worker died with it" if blocks else "BUS_HANDLER_TIMEOUT"
        check_letter(case.letter(), error, attempts=2)
        assert len(case.attempts(kind)) == 2
        # The same process under the same number, started anew after each.
        assert process.poll() is None
        text = found.site.text("one")
        assert text.count("listens on") in (2, 3)
        # It says what it was, and where.
        assert (
            text.count("a handler blocks the event loop. Messages in hand: of jobs.") == 2 * blocks
        )
        assert blocks == (f"in job_{kind}" in text.partition("It is at")[2])
        assert found.site.stop("one", seconds=10) == 0


# Four deaths: after the third it is set aside, and gets its last attempt later.
@pytest.mark.parametrize(("channel", "attempts"), [("jobs", 2), ("batches", ATTEMPTS)])
def test_a_handler_that_kills_its_process(backend: Backend, channel: str, attempts: int) -> None:
    deaths = 0
    settings = {**SETTINGS, "BUS_MAX_ATTEMPTS": str(attempts)}
    with bench(backend, f"killer-{channel}", **settings) as found:
        # One more than it takes until the killer is set aside.
        for name in ("one", "two", "three", "four"):
            found.site.start(name, "manage.py", "runworker", channel)
        for name in ("one", "two", "three", "four"):
            found.site.wait_for(name, "listens on")
        case = Poisoned(found, channel, "kill")

        def all_died() -> bool:
            nonlocal deaths
            deaths += len(found.site.revive())
            return deaths >= attempts

        # The others may know of a death before its end is told here.
        until(lambda: all_died() and len(found.dead(channel)) > 0, "the killer's dead letter", 60)
        found.wait_until_empty(channel)
        good = case.wait_for_the_good(SLACK)
        assert found.site.fallen() == []
        letters = found.dead(channel)
        assert [int(letter["attempts"]) for letter in letters] == [attempts]
        assert "its worker died with it" in letters[0]["error"].decode()
        assert deaths == len(case.attempts("kill")) == attempts
        # Those behind it waited for three deaths to be noticed: no longer than for a retry.
        assert max(note.at for note in good) - case.attempts("kill")[0].at < BASE + SLACK


def test_a_killer_costs_no_innocent_its_order_or_an_attempt(backend: Backend) -> None:
    """Those of another partition, which its worker could take in hand beside it."""
    with bench(backend, "innocent", BUS_RETRY_BASE="2", BUS_MAX_ATTEMPTS="3") as found:
        found.send("jobs", [job("slowkill", 0, key_in(1))])
        found.send("jobs", [job("note", n, key_in(2)) for n in range(1, 6)])
        found.site.start("one", "manage.py", "runworker", "jobs")

        def is_over() -> bool:
            found.site.revive()
            return len(found.dead("jobs")) > 0 and found.left("jobs") == 0

        until(is_over, "the end", 60)
        assert [note.n for note in found.notes("done")] == [1, 2, 3, 4, 5]
        assert len(found.dead("jobs")) == 1


def key_in(partition: int) -> str:
    """A key of this partition, of 16."""
    keys = map(str, range(1000))
    return next(k for k in keys if int(sha1(k.encode()).hexdigest()[:8], 16) % 16 == partition)
