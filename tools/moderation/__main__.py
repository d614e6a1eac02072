"""`python -m tools.moderation`: train the classifier's weights, and measure the engine."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

from django.core.management.base import CommandError

from bus.moderation.classifier.weights import WeightsError
from bus.moderation.training.train import TrainingError
from tools.moderation import evaluate, everyday, train
from tools.moderation.data import DataError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the three commands; returns what the process exits with."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (CommandError, DataError, TrainingError, WeightsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser("python -m tools.moderation", description=__doc__.partition(": ")[2])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what, add_arguments, run in (
        ("train", train.HELP, train.add_arguments, train.run),
        ("evaluate", evaluate.HELP, evaluate.add_arguments, evaluate.run),
        ("everyday", everyday.HELP, everyday.add_arguments, everyday.run),
    ):
        command = commands.add_parser(name, help=what)
        add_arguments(command)
        command.set_defaults(run=run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
