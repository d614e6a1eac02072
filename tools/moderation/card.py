"""The card that goes with the weights: what they were made of, how good they are, and limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from string import Template
from typing import Final

from bus.moderation import POLICIES, classifier, judge
from bus.moderation.classifier.weights import Weights
from bus.moderation.text.normalise import normalise
from bus.moderation.training.measure import Measure
from bus.moderation.training.rows import Row, Source
from bus.moderation.training.train import Progress, Recipe, TrainingError

_POLICY: Final = "standard"
_UNKNOWN: Final = "of whoever trained", "theirs to say"
SHAREALIKE: Final = "CC-BY-SA-4.0"
# What the card says of the terms of what it was made of.
_TERMS: Final = {
    False: "Files under share-alike licences were measured on and\nnever trained on.",
    True: f"Files under {SHAREALIKE} make the weights an\nadaptation of them, which is under "
    f"{SHAREALIKE} itself: see `NOTICE`.",
}
# How the Korean line came about.
_CALIBRATION: Final = {
    False: "Platt's\ncalibration.",
    True: "Platt's\ncalibration; then the line of Korean was moved until *standard* flags as many "
    "of the clean Korean\ntexts that were held back as with the weights `own`, but for those that "
    "the rules flag.",
}
# Where the files that the packaged weights are made of come from.
_ORIGINS: Final = {
    "en_davidson": ("t-davidson/hate-speech-and-offensive-language", "MIT"),
    "en_surge": ("surge-ai/toxicity", "MIT"),
    "en_toxicspans": ("ipavlopoulos/toxic_spans", "CC0"),
    "en_convabuse": ("amandacurry/convabuse", "CC-BY-4.0"),
    "en_irc_clean": ("jkkummerfeld/irc-disentanglement", "CC-BY-4.0"),
    "en_spam_sms": ("UCI SMS Spam Collection", "CC-BY-4.0"),
    "en_spam_youtube": ("UCI YouTube Spam Collection", "CC-BY-4.0"),
    "ko_curse": ("2runo/Curse-detection-data", "MIT"),
    "ko_malicious": ("ZIZUN/korean-malicious-comments-dataset", "MIT"),
    "ko_chat_clean": ("songys/Chatbot_data", "MIT"),
    "ko_apeach": ("jason9693/APEACH", SHAREALIKE),
    "ko_beep": ("kocohub/korean-hate-speech", SHAREALIKE),
    "ko_kmhas": ("adlnlp/K-MHaS", SHAREALIKE),
    "evasion": ("written for this project", "this project's"),
    "own": ("`own.txt`, written for this project", "this project's"),
}


@dataclass(frozen=True, slots=True)
class Unseen:
    """How weights that never saw a file do on all of it, alone and after the rules."""

    name: str
    alone: Measure
    together: Measure


def leave_one_out(
    sources: Sequence[Source], train: Callable[[Sequence[Source]], Weights], progress: Progress
) -> Sequence[Unseen]:
    """Train without each source once, and measure on it."""
    results: list[Unseen] = []
    for left in sources:
        progress(f"without {left.name}")
        others = [source for source in sources if source is not left]
        try:
            weights = train(others)
        except TrainingError:
            # The only source of one label cannot be left out.
            continue
        alone, together = _measured(weights, left.rows)
        results.append(Unseen(left.name, alone, together))
    return results


def _measured(weights: Weights, rows: Sequence[Row]) -> tuple[Measure, Measure]:
    """What weights say of rows under the standard policy: alone, and with the rules."""
    alone, together = Measure(), Measure()
    rules_only = replace(POLICIES[_POLICY], model=None)
    threshold = classifier.THRESHOLDS[_POLICY]
    for row in rows:
        flagged = weights.probability(normalise(row.text).folded) >= threshold
        alone.add(row.bad, flagged, 0.0)
        by_rules = judge(row.text, rules_only).action != "allow"
        together.add(row.bad, flagged or by_rules, 0.0)
    return alone, together


def card(
    sources: Sequence[Source],
    recipe: Recipe,
    weights: Weights,
    size: int,
    unseen: Sequence[Unseen],
    *,
    sharealike: bool,
) -> str:
    """The card as Markdown."""
    held_back = [
        _figures(source.name, *_measured(weights, [row for row in source.rows if row.held_back]))
        for source in sources
    ]
    template = resources.files(__package__).joinpath("card.md").read_text("utf-8")
    return Template(template).substitute(
        size=f"{size:,}",
        sources="\n".join(map(_origin, sources)),
        epochs=recipe.epochs,
        batch=recipe.batch,
        rate=recipe.rate,
        pull=recipe.pull,
        seed=recipe.seed,
        terms=_TERMS[sharealike],
        calibration=_CALIBRATION[sharealike],
        thresholds=", ".join(
            f"{name} {at:g}" for name, at in classifier.THRESHOLDS.items() if at <= 1
        ),
        held_back="\n".join(held_back),
        unseen="\n".join(_figures(one.name, one.alone, one.together) for one in unseen)
        or "| not measured | | | | | | |",
    )


def _origin(source: Source) -> str:
    origin, licence = _ORIGINS.get(source.name, _UNKNOWN)
    bad = sum(row.bad for row in source.rows)
    return f"| {source.name} | {origin} | {licence} | {len(source.rows):,} | {bad:,} |"


def _figures(name: str, alone: Measure, together: Measure) -> str:
    shares = [alone.precision, alone.recall, alone.f1, alone.false_positives]
    shares += [together.f1, together.false_positives]
    cells = " | ".join("-" if share is None else f"{share * 100:.2f}" for share in shares)
    return f"| {name} | {len(alone.times):,} | {cells} |"
