"""`moderation evaluate`: how right and how fast the engine is, next to other filters."""

from __future__ import annotations

import zlib
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bus.management.channel_commands.base import Subcommand
from bus.management.channel_commands.output import in_line, table
from bus.management.moderation_commands import data, peers, points
from bus.management.moderation_commands.measure import Measure, measure
from bus.moderation import POLICIES, Policy, classifier, judge
from bus.moderation.classifier.rows import Row, Source
from bus.moderation.verdict import ACTIONS

_HEAD: Final = (
    "file", "filter", "rows", "bad", "precision", "recall", "F1", "false pos.", "texts/s",
)  # fmt: skip
_NEXT: Final = ("file", "next to", "its F1", "false pos.", "F1", "false pos.", "bus as")
# Who finds less on a file does not know its language, and is not compared on it.
_LEAST_F1: Final = 0.01
_TEXT: Final = 100


class Evaluate(Subcommand):
    """Measures the engine on labelled texts, file by file."""

    name = "evaluate"
    help = "measure the engine on labelled texts, and next to other filters"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """What to measure on, and next to whom."""
        parser.add_argument("--data", type=Path, required=True, metavar="DIR")
        parser.add_argument("--policy", default="standard", choices=sorted(POLICIES))
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

    def handle(self, options: dict[str, Any]) -> None:
        """Print a table of all files, then what the whole says."""
        policy = POLICIES[options["policy"]]
        paths = data.files(options["data"], sharealike=True)
        sources = [_chosen(data.read(path), options) for path in paths]
        self._preface(policy, held_back=options["held_back"], limit=options["limit"])
        others = self._peers() if options["peers"] else {}
        lines: list[tuple[str, ...]] = []
        rules_only = replace(policy, model=None)
        spent: list[float] = []
        rejected: list[Measure] = []
        next_to: list[tuple[str, ...]] = []
        behind: list[str] = []
        for source in sources:
            self.stderr.write(f"{source.name}: {len(source.rows):,} rows")
            ours = points.measure_policy(policy, source.rows)
            spent += ours["flagged"].times
            rejected.append(ours["rejected"])
            lines.append(_line(source, "bus", ours["flagged"]))
            lines.append(_line(source, "bus, stopped", ours["stopped"]))
            lines.append(_line(source, "bus, rejected", ours["rejected"]))
            if policy.model is not None and classifier.available():
                rules = points.measure_policy(rules_only, source.rows)["flagged"]
                lines.append(_line(source, "rules alone", rules))
                likely = measure(_model_alone(policy), source.rows)
                lines.append(_line(source, "model alone", likely))
            ways = points.measure_points(source.rows) if others else {}
            for name, flags in others.items():
                its = measure(flags, source.rows)
                lines.append(_line(source, name, its))
                if its.f1 is not None and its.f1 >= _LEAST_F1:
                    compared, ahead = _compared(source.name, name, its, ways)
                    next_to.append(compared)
                    behind += [] if ahead else [f"{name} on {source.name}"]
        self.stdout.write(table(_HEAD, lines, left=2))
        if next_to:
            self.stdout.write(
                "\nEach filter, and the best of bus at no more false positives; "
                f"without those whose F1 on a file is below {_LEAST_F1:.0%}:"
            )
            self.stdout.write(table(_NEXT, next_to, left=2))
            self.stdout.write(f"Behind: {', '.join(behind) or 'nobody, on no file'}.\n")
        self._rejections(rejected)
        self.stdout.write(
            f"A text took {_ms(spent, 0.5)} in the median; 99 % took less than {_ms(spent, 0.99)}."
        )
        if options["mistakes"]:
            self._mistakes(sources, policy, options["mistakes"])

    def _preface(self, policy: Policy, *, held_back: bool, limit: int) -> None:
        what = (
            "rows that training never saw" if held_back else "all rows, training's own among them"
        )
        few = f", at most {limit:,} of each file" if limit else ""
        self.stdout.write(f"Policy {policy.name}; {what}{few}. Flagged is any action but allow.")
        if not classifier.available():
            self.stdout.write("There are no weights: the rules work alone.")

    def _peers(self) -> dict[str, peers.Filter]:
        here, missing = peers.installed()
        for name in missing:
            self.stdout.write(f"{name} is not installed: pip install {name}")
        return here

    def _rejections(self, files: Sequence[Measure]) -> None:
        """What a refusal is worth, over all files."""
        right = sum(counts.right_hits for counts in files)
        both = Measure(right, sum(counts.wrong_hits for counts in files))
        hits = right + both.wrong_hits
        self.stdout.write(f"{hits:,} were rejected outright, {_percent(both.precision)} rightly.")

    def _mistakes(self, sources: Sequence[Source], policy: Policy, most: int) -> None:
        """The clean texts that were dealt with hardest, and the bad ones that looked cleanest."""
        wrong: list[tuple[int, float, str, Row]] = []
        missed: list[tuple[float, str, Row]] = []
        for source in sources:
            for row in source.rows:
                verdict = judge(row.text, policy)
                flagged = verdict.action != "allow"
                likely = classifier.score(row.text)
                if flagged and not row.bad:
                    wrong.append((ACTIONS.index(verdict.action), likely, source.name, row))
                elif row.bad and not flagged:
                    missed.append((likely, source.name, row))
        self.stdout.write("\nClean, and dealt with hardest (action, model, file, text):")
        for action, likely, name, row in sorted(wrong, key=lambda one: one[:2])[::-1][:most]:
            text = in_line(row.text, _TEXT)
            self.stdout.write(f"  {ACTIONS[action]:6} {likely:.2f}  {name}  {text}")
        self.stdout.write("\nBad, and cleanest to us (model, file, text):")
        for likely, name, row in sorted(missed, key=lambda one: one[0])[:most]:
            self.stdout.write(f"  {likely:.2f}  {name}  {in_line(row.text, _TEXT)}")


def _model_alone(policy: Policy) -> peers.Filter:
    """The model without the rules, as a filter like the others."""
    threshold = classifier.THRESHOLDS[policy.name]
    return lambda text: classifier.score(text) >= threshold


def _chosen(source: Source, options: dict[str, Any]) -> Source:
    """The rows to measure on: those asked for, the same ones each time."""
    rows = [row for row in source.rows if row.held_back or not options["held_back"]]
    if options["limit"] > 0:
        rows = sorted(rows, key=lambda row: zlib.crc32(row.text.encode("utf-8", "replace")))
        rows = rows[: options["limit"]]
    return Source(source.name, rows)


def _compared(
    file: str, name: str, its: Measure, ways: dict[points.Point, Measure]
) -> tuple[tuple[str, ...], bool]:
    """A line about another filter and us at no more false positives; whether we are ahead."""
    found = points.best_within(ways, its.false_positives or 0.0)
    head = (file, name, _percent(its.f1), _percent(its.false_positives))
    if found is None:
        return (*head, "-", "-", "none has as few"), False
    point, ours = found
    line = (*head, _percent(ours.f1), _percent(ours.false_positives), str(point))
    return line, (ours.f1 or 0.0) > (its.f1 or 0.0)


def _line(source: Source, who: str, found: Measure) -> tuple[str, ...]:
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
