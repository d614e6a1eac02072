"""Where a message's processor time goes, in µs by part: this tree beside another commit's.

M  200 rooms of 5 at a fixed rate, the full path: web, broker, worker
S  a storm of sockets: what a connection costs the web process
L  lists of 1, 30 and 100 in the worker, of a full channel

    python -m benchmarks.profile [--base COMMIT] [--rounds 3] [--parts MSL] [--functions PART]

The two trees take turns, each with its own broker and database; tables have the medians. Web runs
on one core, all else on the other. Each thread is sampled once in 4 ms of its processor time, at a
cost of less than one percent. The last rows of a table say how much of what /proc counts the
samples found: they are good for something between 90 and 110 %. Needs Linux, a C compiler and
Python's headers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from typing import Any

from benchmarks.fanout import OTHER_CORE, raised_limits
from benchmarks.latency import ready
from benchmarks.profiling import parts
from benchmarks.profiling.process import Found
from benchmarks.profiling.trees import Tree, trees
from benchmarks.stage import load, wait_for

# Where the work on what a message costs began: the commit before its first.
BASE = "793329f2"
LISTS = (1, 30, 100)
# From here on, in ms, messages are not handled as they come.
FELL_BEHIND = 250.0

# Of one run: the figures of a column by row, in µs a message.
Column = dict[str, float]


def messages(tree: Tree, options: argparse.Namespace) -> dict[str, Column]:
    """M: web, broker and worker, at a fixed rate."""
    web, port = tree.web()
    worker = tree.worker()
    wait_for(lambda: ready(port))
    before: dict[str, float] = {}
    found: dict[str, Found] = {}
    after: dict[str, float] = {}

    def begin() -> None:
        web.begin()
        worker.begin()
        before.update(_broker(tree))

    def end() -> None:
        after.update(_broker(tree))
        found["web"], found["worker"] = web.end(), worker.end()

    told = _generate(
        tree, port, begin, end,
        "-m", "rate", "-n", "1000", "-g", "200", "-r", str(options.rate),
        "-T", str(options.seconds), "-w", "3",
    )  # fmt: skip
    count = told["messages"] * options.seconds
    handled = after.pop("done") - before.pop("done")
    columns = {
        "web": _column(found["web"], "web", count, options),
        "worker": _column(found["worker"], "worker", handled, options),
    }
    columns["broker"] = _broker_column(before, after, count)
    columns["socket to socket, ms"] = {"p50": told["p50"], "p99": told["p99"]}
    if told["p50"] > FELL_BEHIND:
        said = f"{tree.name} fell behind {options.rate}/s (p50 {told['p50']:.0f} ms): "
        print(f"{said}its web had less to deliver, so take a lower --rate", file=sys.stderr)
    return columns


def storm(tree: Tree, options: argparse.Namespace) -> dict[str, Column]:
    """S: many sockets at once."""
    web, port = tree.web()
    tree.worker()
    wait_for(lambda: ready(port))
    found: list[Found] = []
    told = _generate(
        tree, port, web.begin, lambda: found.append(web.end()),
        "-m", "storm", "-n", str(options.sockets), "-T", "1",
    )  # fmt: skip
    column = _column(found[0], "storm", options.sockets, options)
    return {"connection": column, "storm": {"seconds": told["seconds"], "KiB": told["kib"]}}


def lists(tree: Tree, options: argparse.Namespace) -> dict[str, Column]:
    """L: a worker that takes lists of a fixed length from a full channel."""
    columns: dict[str, Column] = {}
    for size in LISTS:
        # Long enough that a few thousand samples are taken.
        count = 3_000 if size == 1 else 15_000
        tree.fill(count, 50)
        goal = tree.done() + count
        worker = tree.worker(BUS_BATCH_SIZE=str(size))
        wait_for(lambda: tree.done() > goal - count)  # noqa: B023
        first = tree.done()
        worker.begin()
        wait_for(lambda: tree.done() >= goal, seconds=120)  # noqa: B023
        found = worker.end()
        columns[f"lists of {size}"] = _column(found, "worker", goal - first, options)
        tree.stage.stop()
    return columns


SCENES = {"M": messages, "S": storm, "L": lists}


def _generate(tree: Tree, port: int, begin: Any, end: Any, *options: str) -> dict[str, float]:
    """One run of the generator; `begin` and `end` are called as it tells of them."""
    command = [str(tree.stage.directory / "generator"), "-k", "bus", "-p", str(port), *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as run:
        assert run.stderr is not None
        assert run.stdout is not None
        for line in run.stderr:
            {"begin": begin, "end": end}[line.strip()]()
        told: dict[str, float] = json.loads(run.stdout.read())
    if told["failed"] or told["lost"]:
        raise RuntimeError(f"sockets were lost, so the run is worth nothing: {told}")
    return told


def _column(found: Found, process: str, count: float, options: argparse.Namespace) -> Column:
    """What each part took for one of so many, in µs."""
    taken = parts.seconds(found, process)
    column = {part: taken[part] / count * 1e6 for part in taken}
    column["**all that was sampled**"] = found.sampled / count * 1e6
    column["**processor time, by /proc**"] = found.cpu / count * 1e6
    column["samples found of it, %"] = 100 * found.sampled / found.cpu
    if options.functions:
        places = parts.functions([found], process, options.functions)
        for place, weight in places.most_common(25):
            taken_there = weight * found.interval / count * 1e6
            print(f"    {process} {options.functions}: {taken_there:6.1f} µs {place}", flush=True)
    return column


def _broker(tree: Tree) -> dict[str, float]:
    """Processor time of the broker in seconds, calls of each command, and what is done, so far."""
    client = tree.broker
    used: Any = client.info("cpu")
    found = {"cpu": float(used["used_cpu_user"]) + float(used["used_cpu_sys"])}
    commands: Any = client.info("commandstats")
    for name, told in commands.items():
        found[name.removeprefix("cmdstat_")] = told["calls"]
    totals: Any = client.info("stats")
    found["asked"] = totals["total_commands_processed"]
    found["done"] = tree.done()
    return found


def _broker_column(before: dict[str, float], after: dict[str, float], count: float) -> Column:
    rows = {name: (after[name] - before.get(name, 0)) / count for name in after}
    column = {"processor time, µs": rows.pop("cpu") * 1e6, "commands, in all": rows.pop("asked")}
    column |= {f"`{name}`": calls for name, calls in rows.items() if calls >= 0.05}
    return column


# By tree, table, and row: the figures of all rounds.
Results = dict[str, dict[str, dict[str, list[float]]]]


def tables(results: Results, rounds: int) -> str:
    """The medians, as Markdown: a table for each process, a column for each tree."""
    lines: list[str] = []
    titles = dict.fromkeys(title for by_title in results.values() for title in by_title)
    for title in titles:
        lines += ["", f"| {title} | {' | '.join(results)} |", "|---" * (len(results) + 1) + "|"]
        found = {
            name: {
                # A part that a round did not see took nothing in it.
                row: statistics.median(figures + [0.0] * (rounds - len(figures)))
                for row, figures in by_title[title].items()
            }
            for name, by_title in results.items()
        }
        newest = list(found.values())[-1]
        rows = dict.fromkeys(row for column in found.values() for row in column)
        shares = sorted(
            (row for row in rows if "**" not in row and "%" not in row),
            key=lambda row: -newest.get(row, 0),
        )
        last = [row for row in rows if row not in shares]
        for row in [*shares, *last]:
            figures = [column.get(row, 0.0) for column in found.values()]
            if row in last or max(figures) >= 0.05:
                lines.append(f"| {row} | {' | '.join(f'{figure:.1f}' for figure in figures)} |")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.profile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--base", default=BASE, help=f"the commit beside this tree; '' for none ({BASE})")
    add("--rounds", type=int, default=3, help="how often each is measured (3)")
    add("--parts", default="MSL", help="of MSL (MSL)")
    add("--rate", type=int, default=2000, help="messages a second of M (2000)")
    add("--seconds", type=float, default=8, help="of M (8)")
    add("--sockets", type=int, default=3000, help="of S (3000)")
    add("--functions", default="", metavar="PART", help="print where a part's time is, too")
    options = parser.parse_args()
    if set(options.parts) - set(SCENES):
        parser.error(f"parts are {''.join(SCENES)}")
    return options


def main(options: argparse.Namespace) -> None:
    """Print how far it is, then the medians; the load says what they are worth."""
    os.sched_setaffinity(0, {OTHER_CORE})
    results: Results = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    with raised_limits(), trees(options.base) as both:
        runs = options.rounds * len(both) * len(options.parts)
        done = 0
        for _ in range(options.rounds):
            for part in options.parts:
                for tree in both:
                    for title, column in SCENES[part](tree, options).items():
                        for row, figure in column.items():
                            results[tree.name][title][row].append(figure)
                    tree.stage.stop()
                    done += 1
                    print(f"{done} of {runs}: {part} {tree.name}   load {load()}", file=sys.stderr)
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    print(f"µs a message (S: a connection) on Python {python}, medians of {options.rounds};")
    print(f"base is {options.base or 'not measured'}; {options.rate}/s in M.")
    print(tables(results, options.rounds))


if __name__ == "__main__":
    main(_options())
