"""This tree and another commit's, each with a broker and a database of its own."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import redis

from benchmarks.fanout import WEB_CORE, pin
from benchmarks.profiling.process import HERE, Sampled, compile_sampler
from benchmarks.stage import ROOT, Stage, free_port, web_command

_COUNTS = "{bus:moderation}:counts"


class Tree:
    """One commit's Bus, with a broker and a database of its own."""

    def __init__(self, name: str, stage: Stage, library: Path, broker: redis.Redis) -> None:
        self.name = name
        self.stage = stage
        self.broker = broker
        self._library = library
        self._fills = 0

    def web(self) -> tuple[Sampled, int]:
        """A sampled web process, and its port."""
        port = free_port()
        limits = {"BUS_SEND_RATE": "0", "BUS_JOIN_RATE": "0"}
        command = web_command(port, self.stage.root)
        web = Sampled(self.stage, "web", self._library, *command, **limits)
        pin(web.pid, WEB_CORE)
        return web, port

    def worker(self, **environment: str) -> Sampled:
        """A sampled worker."""
        command = ["manage.py", "runworker", "moderation", "broadcast"]
        return Sampled(self.stage, "worker", self._library, *command, **environment)

    def fill(self, count: int, rooms: int) -> None:
        """Have that many messages wait in the channel."""
        self._fills += 1
        script = [str(HERE / "fill_channel.py"), str(count), str(rooms), str(self._fills)]
        process = self.stage.start(*script)
        if process.wait(120):
            raise RuntimeError("the channel could not be filled")

    def done(self) -> int:
        """Messages that its workers have handled."""
        return int(self.broker.hget(_COUNTS, "done") or 0)


@contextmanager
def trees(base: str) -> Iterator[list[Tree]]:
    """The base and this tree, each ready to run."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bus-bench-")))
        library = compile_sampler(scratch)
        subprocess.run(
            ["cc", "-O2", "-o", scratch / "generator", HERE.parent / "generator.c"], check=True
        )
        roots = [("now", ROOT)]
        if base:
            roots.insert(0, ("base", scratch / "tree"))
            git = ["git", "-C", str(ROOT), "worktree"]
            subprocess.run([*git, "add", "--quiet", "--detach", scratch / "tree", base], check=True)
            stack.callback(partial(subprocess.run, [*git, "remove", "--force", scratch / "tree"]))
        yield [_tree(stack, name, root, scratch, library) for name, root in roots]


def _tree(stack: ExitStack, name: str, root: Path, scratch: Path, library: Path) -> Tree:
    from bus.embedded.broker import EmbeddedBroker

    directory = scratch / name
    directory.mkdir()
    (directory / "generator").symlink_to(scratch / "generator")
    stage = Stage(directory, root)
    # What the environment names is nobody's to fill.
    for variable in ("REDIS_URL", "DATABASE_URL"):
        stage.environment.pop(variable, None)
    stage.environment |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": "for benchmarks only; nothing real is signed with it",
        "BUS_HTTPS": "0",
        "BUS_OPEN_ROOMS": "1",
    }
    broker = EmbeddedBroker(directory / "valkey", directory / "valkey" / "valkey.sock")
    broker.start()
    stack.callback(broker.stop)
    stack.callback(stage.stop)
    stage.manage("migrate", "--noinput")
    return Tree(name, stage, library, redis.Redis.from_url(broker.url))
