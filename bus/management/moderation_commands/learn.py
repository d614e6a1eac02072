"""`moderation learn`: moves the model's weights by what moderators here decided."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from bus.conf import conf, paths
from bus.embedded import private_files
from bus.enforcement import training_labels
from bus.management.output import in_line
from bus.management.subcommand import Subcommand
from bus.moderation import classifier
from bus.moderation.classifier.weights import Weights, load
from bus.moderation.training.learn import Change, check_evidence, compare, decisions, learn
from bus.moderation.training.measure import Measure
from bus.moderation.training.rows import Source
from bus.moderation.training.train import TrainingError

_POLICY = "standard"
_EXAMPLES = 10
_TEXT = 100


class LearnCommand(Subcommand):
    """Learns from moderators' decisions; the result is in use only after it was asked for."""

    name = "learn"
    help = "let the model learn from moderators' decisions, and show what would change"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Where to, and whether to take it into use."""
        parser.add_argument(
            "--switch", action="store_true", help="take the result into use at the next start"
        )
        parser.add_argument(
            "--out", type=Path, metavar="DIR", help="write there, not under BUS_VAR_DIR"
        )

    def handle(self, options: dict[str, Any]) -> None:
        """Learn from what is stored."""
        self.learn_from(training_labels.labelled(), options["out"], switch=options["switch"])

    def learn_from(
        self,
        labelled: Iterable[tuple[int, str]],
        out: Path | None,
        *,
        switch: bool,
        sources: Sequence[Source] = (),
    ) -> None:
        """Learn from labelled texts, show what would change, and switch where asked to.

        With other sources the weights are trained from the beginning, on these and the decisions.
        Raises CommandError.
        """
        path = paths.learned_weights_path()
        if out:
            path = out / path.name
        old = _in_use(path)
        try:
            source = decisions(labelled)
            if switch:
                check_evidence(source)
            new = learn(source, _packaged(), sources, self._progress)
        except TrainingError as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        self._show(compare(source, old, new, classifier.THRESHOLDS[_POLICY]))
        if switch:
            _write(new, path)
            self.stdout.write(
                f"Wrote {path}; workers use it when they are started again. "
                "To go back, remove the file and restart them."
            )
            return
        draft = path.with_name("draft.npz")
        _write(new, draft)
        self.stdout.write(f"Wrote {draft}. Nothing was switched: run it with --switch for that.")

    def _show(self, change: Change) -> None:
        rows = len(change.before.times)
        self.stdout.write(f"On {rows:,} held-back decisions, policy {_POLICY}, model alone:")
        self.stdout.write(f"  before: {_line_of(change.before)}")
        self.stdout.write(f"  after:  {_line_of(change.after)}")
        self.stdout.write(f"{len(change.flips):,} of them are seen otherwise.")
        for flip in change.flips[:_EXAMPLES]:
            label = "bad  " if flip.row.bad else "clean"
            text = in_line(flip.row.text, _TEXT)
            self.stdout.write(f"  {label} {flip.before:.2f} → {flip.after:.2f}  {text}")

    def _progress(self, line: str) -> None:
        self.stderr.write(line)
        self.stderr.flush()


class TrainCommand(LearnCommand):
    """`train --from-decisions`, which `learn` was called before."""

    name = "train"
    help = "the same as `learn`, as it was called before: `train --from-decisions`"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Those of `learn`, and those of before."""
        super().add_arguments(parser)
        parser.add_argument("--from-decisions", action="store_true", help="learn from them")
        parser.add_argument("--data", type=Path, metavar="DIR", help="goes to tools.moderation")

    def handle(self, options: dict[str, Any]) -> None:
        """Learn from decisions; whoever wants to train on files is told where."""
        if options["data"] or not options["from_decisions"]:
            decisions = " --from-decisions" if options["from_decisions"] else ""
            raise CommandError(
                "Labelled texts are trained on in the repository: `python -m tools.moderation "
                f"train --data DIR{decisions}`. Moderators' decisions are learned from with "
                "`moderation learn`. Nothing was written."
            )
        super().handle(options)


def _packaged() -> Weights | None:
    """The weights of the package that the site has chosen; None where there are none."""
    path = classifier.packaged(conf.moderation_weights)
    return load(path) if path.exists() else None


def _in_use(learned: Path) -> Weights | None:
    """The weights that workers have now."""
    if conf.learned_weights and learned.exists():
        try:
            return load(learned)
        except classifier.WeightsError:
            # They start with the packaged ones then, and say so.
            pass
    return _packaged()


def _write(weights: Weights, path: Path) -> None:
    """Write a file whole or not at all: a worker may be starting; raises CommandError."""
    draft = path.with_suffix(".part")
    try:
        private_files.make_directory(path.parent)
        draft.touch(mode=0o600)
        weights.save(draft)
        os.replace(draft, path)
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written: {error.strerror}. What was there is kept; name another "
            "directory with --out."
        ) from error


def _line_of(found: Measure) -> str:
    return (
        f"precision {_percent(found.precision)}, recall {_percent(found.recall)}, "
        f"false positives {_percent(found.false_positives)}"
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.1f} %"
