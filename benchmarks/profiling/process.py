"""Processes under the sampler, and what it found in them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from benchmarks.stage import Stage, wait_for

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Sample:
    """Where a thread was: its weight in intervals, the C around it, its frames, innermost first."""

    weight: int
    library: str
    symbol: str
    # File and function.
    frames: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Found:
    """What one process did between a begin and an end; processor time in seconds."""

    samples: list[Sample]
    interval: float
    # As /proc has it.
    cpu: float
    missed: int

    @property
    def sampled(self) -> float:
        """The processor time that the samples stand for."""
        return self.interval * sum(sample.weight for sample in self.samples)


class Sampled:
    """A program of a stage that runs under the sampler."""

    def __init__(
        self, stage: Stage, name: str, library: Path, *command: str, **environment: str
    ) -> None:
        self._pipe = stage.directory / f"{name}.control"
        self._result = stage.directory / f"{name}.sampled"
        if not self._pipe.exists():
            os.mkfifo(self._pipe)
        script = str(HERE / "sampled.py")
        self.pid = stage.start(
            script, str(library), str(self._pipe), *command, quiet=False, **environment
        ).pid

    def begin(self) -> None:
        """Count from now on."""
        self._tell("begin")

    def end(self) -> Found:
        """Count no more, and read what was counted."""
        self._result.unlink(missing_ok=True)
        self._tell(f"end {self._result}")
        wait_for(self._result.exists)
        return read(self._result)

    def _tell(self, command: str) -> None:
        # Nobody reads where the process is gone, which is an error here and no wait.
        pipe = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(pipe, f"{command}\n".encode())
        finally:
            os.close(pipe)


def read(path: Path) -> Found:
    """What a sampled process wrote."""
    told = json.loads(path.read_text())
    first, *lines = Path(f"{path}.samples").read_text().splitlines()
    samples = []
    for line in lines:
        weight, library, symbol, *rest = line.split("\t")
        frames = tuple(zip(rest[::2], rest[1::2], strict=True))
        samples.append(Sample(int(weight), library, symbol, frames))
    return Found(samples, told["interval"], told["cpu"], int(first))


def compile_sampler(directory: Path) -> Path:
    """The sampler as a library for this Python; needs a C compiler and Python's headers."""
    if platform.system() != "Linux":
        raise SystemExit("The sampler reads the clocks of threads as Linux names them.")
    include = Path(sysconfig.get_paths()["include"])
    library = directory / "sampler.so"
    flags = ["-O2", "-shared", "-fPIC", f"-I{include}", f"-I{include / 'internal'}"]
    command = ["cc", *flags, "-o", str(library), str(HERE / "sampler.c"), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = done.stderr.strip().splitlines()
        raise SystemExit(
            f"The sampler does not compile for Python {sys.version_info[0]}.{sys.version_info[1]}: "
            + (told[0] if told else "cc failed")
        )
    return library
