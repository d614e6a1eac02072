"""`tools.moderation evaluate`: how right and how fast the engine is, next to other filters."""

from __future__ import annotations

import sys
import zlib
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bus.management.output import in_line, table
from bus.moderation import POLICIES, Policy, classifier, judge
from bus.moderation.training.measure import Measure
from bus.moderation.training.rows import Row, Source
from bus.moderation.verdict import ACTIONS
from tools.moderation import data, peers, points
from tools.moderation.measure import measure

HELP: Final = "measure the engine on labelled texts, and next to other filters"

_HEAD: Final = (
    "file", "filter", "rows", "bad", "precision", "recall", "F1", "false pos.", "texts/s",
)  # fmt: skip
_NEXT: Final = ("file", "next to", "its F1", "false pos.", "F1", "false pos.", "bus as")
# Who finds less on a file does not know its language, and is not compared on it.
_LEAST_F1: Final = 0.01
_TEXT: Final = 100

Line = tuple[str, ...]


def add_arguments(parser: ArgumentParser) -> None:
    """What to measure on, and next to whom."""
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="files of label<TAB>text"
    )
    parser.add_argument("--policy", default="standard", choices=sorted(POLICIES))
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="other weights than those of the package"
    )
    parser.add_argument(
        "--held-back", action="store_true", help="only rows that training never saw"
    )
    parser.add_argument("--peers", action="store_true", help="next to other installed filters")
    parser.add_argument(
        "--limit", type=int, default=0, metavar="N", help="at most N rows of each file"
    )
    parser.add_argument(
        "--mistakes", type=int, default=0, metavar="N", help="show the N worst of each kind"
    )


@dataclass(slots=True)
class _Results:
    """What was measured on all files so far."""

    lines: list[Line] = field(default_factory=list)
    # How long each text took, in seconds.
    spent: list[float] = field(default_factory=list)
    rejected: list[Measure] = field(default_factory=list)
    compared: list[Line] = field(default_factory=list)
    # On which files which filters are ahead of us.
    behind: list[str] = field(default_factory=list)


def run(options: Namespace) -> None:
    """Print a table of all files, then what the whole says; raises DataError, WeightsError."""
    policy = POLICIES[options.policy]
    if options.weights:
        classifier.use(options.weights)
    paths = data.files(options.data, sharealike=True)
    sources = [_chosen(data.read(path), options) for path in paths]
    _print_preface(policy, held_back=options.held_back, limit=options.limit)
    others = _installed_peers() if options.peers else {}
    results = _Results()
    for source in sources:
        print(f"{source.name}: {len(source.rows):,} rows", file=sys.stderr, flush=True)
        _measure_ours(source, policy, results)
        _measure_others(source, others, results)
    print(table(_HEAD, results.lines, left=2))
    _print_comparison(results)
    _print_rejections(results.rejected)
    print(
        f"A text took {_ms(results.spent, 0.5)} in the median; "
        f"99 % took less than {_ms(results.spent, 0.99)}."
    )
    if options.mistakes:
        _print_mistakes(sources, policy, options.mistakes)


def _chosen(source: Source, options: Namespace) -> Source:
    """The rows to measure on: those asked for, the same ones each time."""
    rows = [row for row in source.rows if row.held_back or not options.held_back]
    if options.limit > 0:
        rows = sorted(rows, key=lambda row: zlib.crc32(row.text.encode("utf-8", "replace")))
        rows = rows[: options.limit]
    return Source(source.name, rows)


def _installed_peers() -> dict[str, peers.Filter]:
    here, missing = peers.installed()
    for name in missing:
        print(f"{name} is not installed: pip install --require-hashes -r requirements/peers.txt")
    return here


def _measure_ours(source: Source, policy: Policy, results: _Results) -> None:
    """The engine as it is, then the rules and the model each alone."""
    ours = points.measure_policy(policy, source.rows)
    results.spent += ours["flagged"].times
    results.rejected.append(ours["rejected"])
    results.lines += [
        _line(source, "bus", ours["flagged"]),
        _line(source, "bus, stopped", ours["stopped"]),
        _line(source, "bus, rejected", ours["rejected"]),
    ]
    if policy.model is not None and classifier.available():
        rules = points.measure_policy(replace(policy, model=None), source.rows)["flagged"]
        likely = measure(_model_alone(policy), source.rows)
        results.lines.append(_line(source, "rules alone", rules))
        results.lines.append(_line(source, "model alone", likely))


def _measure_others(source: Source, others: Mapping[str, peers.Filter], results: _Results) -> None:
    """Each other filter, and the best of us at no more false positives."""
    ways = points.measure_points(source.rows) if others else {}
    for name, flags in others.items():
        its = measure(flags, source.rows)
        results.lines.append(_line(source, name, its))
        if its.f1 is not None and its.f1 >= _LEAST_F1:
            compared, ahead = _compared(source.name, name, its, ways)
            results.compared.append(compared)
            results.behind += [] if ahead else [f"{name} on {source.name}"]


def _compared(
    file: str, name: str, its: Measure, ways: Mapping[points.Point, Measure]
) -> tuple[Line, bool]:
    """A line about another filter and us at no more false positives; whether we are ahead."""
    found = points.best_within(ways, its.false_positives or 0.0)
    head = (file, name, _percent(its.f1), _percent(its.false_positives))
    if found is None:
        return (*head, "-", "-", "none has as few"), False
    point, ours = found
    line = (*head, _percent(ours.f1), _percent(ours.false_positives), str(point))
    return line, (ours.f1 or 0.0) > (its.f1 or 0.0)


def _model_alone(policy: Policy) -> peers.Filter:
    """The model without the rules, as a filter like the others."""
    threshold = classifier.THRESHOLDS[policy.name]
    return lambda text: classifier.score(text) >= threshold


def _print_preface(policy: Policy, *, held_back: bool, limit: int) -> None:
    what = "rows that training never saw" if held_back else "all rows, training's own among them"
    few = f", at most {limit:,} of each file" if limit else ""
    print(f"Policy {policy.name}; {what}{few}. Flagged is any action but allow.")
    if not classifier.available():
        print("There are no weights: the rules work alone.")


def _print_comparison(results: _Results) -> None:
    if not results.compared:
        return
    print(
        "\nEach filter, and the best of bus at no more false positives; "
        f"without those whose F1 on a file is below {_LEAST_F1:.0%}:"
    )
    print(table(_NEXT, results.compared, left=2))
    print(f"Behind: {', '.join(results.behind) or 'nobody, on no file'}.\n")


def _print_rejections(files: Sequence[Measure]) -> None:
    """What a refusal is worth, over all files."""
    right = sum(counts.right_hits for counts in files)
    both = Measure(right, sum(counts.wrong_hits for counts in files))
    hits = right + both.wrong_hits
    print(f"{hits:,} were rejected outright, {_percent(both.precision)} rightly.")


def _print_mistakes(sources: Sequence[Source], policy: Policy, most: int) -> None:
    """The clean texts that were dealt with hardest, and the bad ones that looked cleanest."""
    wrong: list[tuple[int, float, str, Row]] = []
    missed: list[tuple[float, str, Row]] = []
    for source in sources:
        for row in source.rows:
            verdict = judge(row.text, policy)
            flagged = verdict.action != "allow"
            if flagged and not row.bad:
                hardness = ACTIONS.index(verdict.action)
                wrong.append((hardness, classifier.score(row.text), source.name, row))
            elif row.bad and not flagged:
                missed.append((classifier.score(row.text), source.name, row))
    print("\nClean, and dealt with hardest (action, model, file, text):")
    for action, likely, name, row in sorted(wrong, key=lambda one: one[:2])[::-1][:most]:
        print(f"  {ACTIONS[action]:6} {likely:.2f}  {name}  {in_line(row.text, _TEXT)}")
    print("\nBad, and cleanest to us (model, file, text):")
    for likely, name, row in sorted(missed, key=lambda one: one[0])[:most]:
        print(f"  {likely:.2f}  {name}  {in_line(row.text, _TEXT)}")


def _line(source: Source, who: str, found: Measure) -> Line:
    rate = f"{found.rate:,.0f}" if found.rate else "-"
    shares = (found.precision, found.recall, found.f1, found.false_positives)
    bad = sum(row.bad for row in source.rows)
    counts = (f"{len(source.rows):,}", f"{bad:,}")
    return (source.name, who, *counts, *map(_percent, shares), rate)


def _ms(spent: Sequence[float], share: float) -> str:
    at = sorted(spent)[int((len(spent) - 1) * share)] if spent else 0.0
    return f"{at * 1000:.3f} ms"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.2f} %"
