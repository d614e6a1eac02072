"""`moderation train`: weights from labelled texts, and from moderators' decisions."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from bus import conf
from bus.embedded import private_files
from bus.enforcement import training_labels
from bus.management.channel_commands.base import Subcommand
from bus.management.channel_commands.output import in_line
from bus.management.moderation_commands import data
from bus.management.moderation_commands.card import card, leave_one_out
from bus.management.moderation_commands.learn import (
    Change,
    check_evidence,
    compare,
    decisions,
    learn,
)
from bus.management.moderation_commands.measure import Measure
from bus.management.moderation_commands.own import own
from bus.moderation import classifier
from bus.moderation.classifier.train import Recipe, TrainingError, fit
from bus.moderation.classifier.weights import Weights, load

_POLICY = "standard"
_EXAMPLES = 10
_TEXT = 100


class Train(Subcommand):
    """Trains the model; what it writes is in use only after it was asked for."""

    name = "train"
    help = "train the model on labelled texts, or on moderators' decisions"

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """What to learn from, and where to."""
        parser.add_argument("--data", type=Path, metavar="DIR", help="files of label<TAB>text")
        parser.add_argument(
            "--out", type=Path, metavar="DIR", help="where weights.npz and CARD.md are written"
        )
        parser.add_argument("--seed", type=int, default=Recipe().seed)
        parser.add_argument(
            "--leave-one-out",
            action="store_true",
            help="train without each file once and measure on it, for the card",
        )
        parser.add_argument(
            "--from-decisions", action="store_true", help="learn from what moderators decided"
        )
        parser.add_argument(
            "--switch", action="store_true", help="with --from-decisions: take the result into use"
        )

    def handle(self, options: dict[str, Any]) -> None:
        """Train on files, or on decisions."""
        if options["switch"] and not options["from_decisions"]:
            raise CommandError("--switch goes with --from-decisions. Nothing was written.")
        if options["from_decisions"]:
            self.from_decisions(training_labels.labelled(), options)
            return
        if options["data"] is None:
            raise CommandError(
                "Say what to learn from: --data DIR or --from-decisions. Nothing was written."
            )
        self._from_files(options)

    def _from_files(self, options: dict[str, Any]) -> None:
        began = time.monotonic()
        sources = [*data.to_train_on(options["data"]), own()]
        recipe = Recipe(seed=options["seed"])
        try:
            weights = fit(sources, recipe, progress=self._progress)
        except TrainingError as error:
            raise CommandError(f"{error} Nothing was written.") from error
        took = time.monotonic() - began
        unseen = leave_one_out(sources, recipe, self._progress) if options["leave_one_out"] else ()
        out = options["out"] or classifier.PACKAGED.parent
        path = out / classifier.PACKAGED.name
        _write(weights, path)
        text = card(sources, recipe, weights, path.stat().st_size, unseen)
        (out / "CARD.md").write_text(text, "utf-8")
        self.stdout.write(
            f"Trained in {took:.0f} s. Wrote {path} ({path.stat().st_size:,} bytes) and CARD.md."
        )

    def from_decisions(self, labelled: Iterable[tuple[int, str]], options: dict[str, Any]) -> None:
        """Learn from labelled texts, show what would change, and switch where asked to."""
        path = conf.learned_weights_path()
        if options["out"]:
            path = options["out"] / path.name
        old = _in_use(path)
        try:
            source = decisions(labelled)
            if options["switch"]:
                check_evidence(source)
            sources = [*data.to_train_on(options["data"]), own()] if options["data"] else []
            new = learn(source, load_packaged(), sources, self._progress)
        except TrainingError as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        self._show(compare(source, old, new, classifier.THRESHOLDS[_POLICY]))
        if options["switch"]:
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
        self.stdout.write(f"  before: {_told(change.before)}")
        self.stdout.write(f"  after:  {_told(change.after)}")
        self.stdout.write(f"{len(change.flips):,} of them are seen otherwise.")
        for flip in change.flips[:_EXAMPLES]:
            label = "bad  " if flip.row.bad else "clean"
            text = in_line(flip.row.text, _TEXT)
            self.stdout.write(f"  {label} {flip.before:.2f} → {flip.after:.2f}  {text}")

    def _progress(self, line: str) -> None:
        self.stderr.write(line)
        self.stderr.flush()


def load_packaged() -> Weights | None:
    """The weights that came with the package; None where there are none."""
    return load(classifier.PACKAGED) if classifier.PACKAGED.exists() else None


def _in_use(learned: Path) -> Weights | None:
    """The weights that workers have now."""
    if conf.conf.learned_weights and learned.exists():
        try:
            return load(learned)
        except classifier.WeightsError:
            # They start with the packaged ones then, and say so.
            pass
    return load_packaged()


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


def _told(found: Measure) -> str:
    return (
        f"precision {_percent(found.precision)}, recall {_percent(found.recall)}, "
        f"false positives {_percent(found.false_positives)}"
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.1f} %"
