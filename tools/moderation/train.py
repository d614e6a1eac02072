"""`tools.moderation train`: weights from labelled texts, with the card that goes with them."""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import django
from django.core.management.base import OutputWrapper

from bus.moderation import POLICIES, classifier, judge
from bus.moderation.classifier.weights import Weights, load
from bus.moderation.training.calibrate import as_careful
from bus.moderation.training.rows import Source
from bus.moderation.training.train import Progress, Recipe, TrainingError, fit
from tools.moderation import data
from tools.moderation.card import card, leave_one_out
from tools.moderation.data import DataError
from tools.moderation.own import own

HELP: Final = "train weights on labelled texts, and write the card that goes with them"


def add_arguments(parser: ArgumentParser) -> None:
    """What to learn from, and where to."""
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="files of label<TAB>text"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where weights.npz and CARD.md are written"
    )
    parser.add_argument(
        "--sharealike",
        action="store_true",
        help="also train on DIR/sharealike; the result is under the licence of those files",
    )
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument(
        "--leave-one-out",
        action="store_true",
        help="train without each file once and measure on it, for the card",
    )
    parser.add_argument(
        "--from-decisions",
        action="store_true",
        help="on top of the files, learn what moderators decided on the site that is configured",
    )
    parser.add_argument(
        "--switch", action="store_true", help="with --from-decisions: take the result into use"
    )


def run(options: Namespace) -> None:
    """Train on files alone, or with decisions; raises DataError, TrainingError, CommandError."""
    if options.switch and not options.from_decisions:
        raise DataError("--switch goes with --from-decisions. Nothing was written.")
    sources = [*data.to_train_on(options.data, sharealike=options.sharealike), own()]
    if options.from_decisions:
        _with_decisions(sources, options)
    else:
        _on_files(sources, options)


def _on_files(sources: Sequence[Source], options: Namespace) -> None:
    began = time.monotonic()
    recipe = Recipe(seed=options.seed)
    default, train = classifier.PACKAGED, partial(fit, recipe=recipe)
    if options.sharealike:
        default, train = classifier.WEIGHTS["sharealike"], partial(_as_careful, recipe=recipe)
    try:
        weights = train(sources, progress=_progress)
    except TrainingError as error:
        raise TrainingError(f"{error} Nothing was written.") from error
    took = time.monotonic() - began
    unseen = leave_one_out(sources, train, _progress) if options.leave_one_out else ()
    out: Path = options.out or default.parent
    path = out / default.name
    _write(weights, path)
    size = path.stat().st_size
    text = card(sources, recipe, weights, size, unseen, sharealike=options.sharealike)
    (out / "CARD.md").write_text(text, "utf-8")
    print(f"Trained in {took:.0f} s. Wrote {path} ({size:,} bytes) and CARD.md.")


def _as_careful(
    sources: Sequence[Source], recipe: Recipe, progress: Progress = lambda _line: None
) -> Weights:
    """Weights that flag no more clean Korean texts than the package's own."""
    weights = fit(sources, recipe, progress=progress)
    # What the rules flag is flagged whatever the model says.
    rules = replace(POLICIES["standard"], model=None)
    clean = [
        row.text
        for source in sources
        for row in source.rows
        if row.held_back and not row.bad and judge(row.text, rules).action == "allow"
    ]
    threshold = classifier.THRESHOLDS["standard"]
    return as_careful(weights, load(classifier.PACKAGED), clean, threshold)


def _with_decisions(sources: Sequence[Source], options: Namespace) -> None:
    """As `moderation learn`, but from the beginning: on files, and the decisions with them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    # They need Django's registry of apps.
    from bus.enforcement import training_labels
    from bus.management.moderation_commands.learn import LearnCommand

    command = LearnCommand(OutputWrapper(sys.stdout), OutputWrapper(sys.stderr))
    labelled = training_labels.labelled()
    command.learn_from(labelled, options.out, switch=options.switch, sources=sources)


def _write(weights: Weights, path: Path) -> None:
    """Write a file whole or not at all; raises DataError."""
    draft = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        weights.save(draft)
        os.replace(draft, path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror}. What was there is kept; name another "
            "directory with --out."
        ) from error


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
