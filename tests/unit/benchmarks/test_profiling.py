"""The sampler finds what threads do, and samples go to the part that they are of."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from benchmarks.profiling import parts
from benchmarks.profiling.process import HERE, Found, Sample, compile_sampler, read

BUSY = """
import sys, threading, time

def busy(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        sum(range(1000))

def other():
    busy(1)

def mine():
    busy(2)

pipe, result = sys.argv[1:]
with open(pipe, "w") as control:
    control.write("begin\\n")
next(thread for thread in threading.enumerate() if thread.name == "sampler").sampling.wait(10)
thread = threading.Thread(target=other)
thread.start()
mine()
thread.join()
with open(pipe, "w") as control:
    control.write(f"end {result}\\n")
from pathlib import Path
while not Path(result).exists():
    time.sleep(0.01)
"""

can_compile = shutil.which("cc") and Path(sysconfig.get_paths()["include"], "Python.h").exists()


@pytest.mark.skipif(not can_compile, reason="needs a C compiler and Python's headers")
def test_the_samples_of_each_thread_stand_for_its_processor_time(tmp_path: Path) -> None:
    library = compile_sampler(tmp_path)
    pipe, result, script = tmp_path / "pipe", tmp_path / "result", tmp_path / "busy.py"
    subprocess.run(["mkfifo", pipe], check=True)
    script.write_text(BUSY)
    program = [str(script), str(pipe), str(result)]
    command = [sys.executable, str(HERE / "sampled.py"), str(library), str(pipe), *program]
    subprocess.run(command, check=True, timeout=30)
    found = read(result)
    assert found.missed == 0
    assert found.sampled == pytest.approx(found.cpu, rel=0.1)
    seconds = {
        name: found.interval
        * sum(s.weight for s in found.samples if name in [function for _, function in s.frames])
        for name in ("mine", "other")
    }
    assert seconds["mine"] == pytest.approx(2, rel=0.15)
    assert seconds["other"] == pytest.approx(1, rel=0.15)


def sample(*frames: str, symbol: str = "?") -> Sample:
    """A sample whose frames are given as `file:function`, innermost first."""
    split = [tuple(frame.rsplit(":", 1)) for frame in frames]
    return Sample(1, "libc", symbol, tuple((file, function) for file, function in split))


LOOP = "/site-packages/uvicorn/server.py:run"


@pytest.mark.parametrize(
    ("process", "taken", "part"),
    [
        ("web", sample("/usr/lib/python3.11/json/decoder.py:decode", LOOP), "JSON and validation"),
        ("web", sample("/a/bus/token_bucket.py:take", "/a/bus/consumers/x.py:f", LOOP), "session"),
        ("web", sample(LOOP, symbol="writev"), parts.WRITES),
        ("web", sample("/a/bus/servers/x.py:put", LOOP, symbol="__send"), parts.WRITES),
        ("web", sample(LOOP, symbol="epoll_wait"), parts.LOOP),
        (
            "worker",
            sample("<statement>:INSERT bus_message", "/a/bus/posting/settle.py:settle"),
            "database: INSERT bus_message",
        ),
        (
            "worker",
            sample("/s/django/db/models/sql/compiler.py:as_sql", "/a/bus/chat/rooms.py:called"),
            "database: ORM",
        ),
        ("worker", sample("/usr/lib/python3.11/threading.py:_bootstrap"), parts.OTHER),
    ],
)
def test_a_sample_goes_to_whom_the_work_is_for(process: str, taken: Sample, part: str) -> None:
    assert parts.part_of(taken, process) == part
    assert parts.seconds(Found([taken], 0.004, 1.0, 0), process) == {part: 0.004}
