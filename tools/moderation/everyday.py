"""`tools.moderation everyday`: how often the everyday words of many languages are hit."""

from __future__ import annotations

import ast
import importlib
import random
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Final

import django

from bus.management.output import table
from bus.moderation import POLICIES, JudgeRequest, Policy, Verdict, judge_many
from bus.moderation.list_file import lines
from tools.moderation.data import DataError

HELP: Final = "count how often the everyday words of many languages are hit, and which"

# English and Korean swear in most of what the lists have: they are measured on labelled texts.
_OURS: Final = ("en", "ko")
# What wordfreq and Django call the same language.
_LOCALES: Final[Mapping[str, tuple[str, ...]]] = {
    "fil": (),
    "he": ("he",),
    "sh": ("hr", "bs", "sr_Latn"),
    "zh": ("zh_Hans", "zh_Hant"),
    "pt": ("pt", "pt_BR"),
    "es": ("es", "es_AR", "es_MX"),
}
# They put no spaces between words.
_UNSPACED: Final = frozenset({"ja", "zh"})
_WORDS: Final = 10
_TOGETHER: Final = 500
_NAMED: Final = 6
_EVERYWHERE: Final = "*"
# What the hits that say nothing about one word are called.
_WHOLE: Final = "(all of it)"


@dataclass(slots=True)
class Counts:
    """Texts of one language, and those that are hit by what is no swearing of it."""

    texts: int = 0
    hit: int = 0
    words: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """The part of the texts that is hit, 0 to 1."""
        return self.hit / self.texts if self.texts else 0.0


def add_arguments(parser: ArgumentParser) -> None:
    """Which languages, and how many texts of each."""
    parser.add_argument("--policy", default="standard", choices=sorted(POLICIES))
    parser.add_argument("--messages", type=int, default=20_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="nl,sv", help="of these languages alone")
    parser.add_argument(
        "--translations", action="store_true", help="Django's alone: they need nothing installed"
    )


def run(options: Namespace) -> None:
    """Print a line for each language; raises DataError."""
    policy = POLICIES[options.policy]
    frequencies = {} if options.translations else _frequencies()
    codes = sorted({*frequencies, *_translated()} - {*_OURS})
    wanted = [code for code in codes if not options.only or code in options.only.split(",")]
    if not wanted:
        raise DataError(f"Nothing is known of {options.only}; there are {', '.join(codes)}.")
    found: list[tuple[str, ...]] = []
    for code in wanted:
        print(code, end=" ", file=sys.stderr, flush=True)
        drawn = count(_draw(code, frequencies, options), code, policy)
        translated = count(translations(code), code, policy)
        named = (drawn.words + translated.words).most_common(_NAMED)
        found.append(
            (
                code,
                _percent(drawn),
                _percent(translated),
                ", ".join(f"{word} {times}" for word, times in named),
            )
        )
    print(file=sys.stderr)
    print(f"Policy {options.policy}; hits by what the language does not swear with.")
    print(table(("language", "messages", "translations", "words"), found))


def count(texts: Sequence[str], code: str, policy: Policy) -> Counts:
    """How many texts of a language are not simply allowed, though nobody swears in them."""
    swearing = _swearing()
    spared = swearing.get(code, frozenset()) | swearing[_EVERYWHERE]
    counts = Counts(len(texts))
    for first in range(0, len(texts), _TOGETHER):
        some = texts[first : first + _TOGETHER]
        for verdict in judge_many([JudgeRequest(text, policy) for text in some]):
            if verdict.action != "allow" and (words := _blamed(verdict, spared)):
                counts.hit += 1
                counts.words.update(words)
    return counts


def _blamed(verdict: Verdict, spared: frozenset[str]) -> set[str]:
    """The words that a text was hit for, but those that the language swears with."""
    words = {
        _WHOLE + " " + hit.rule if hit.disguise == "whole" else hit.matched.lower()
        for hit in verdict.hits
    }
    if any(_swears(word, spared) for word in words):
        return set()
    return words


def _swears(word: str, spared: frozenset[str]) -> bool:
    """Whether a word is swearing, with the endings of the list."""
    return word in spared or any(
        word.startswith(stem[:-1]) for stem in spared if stem.endswith("*")
    )


def _swearing() -> dict[str, frozenset[str]]:
    """The swear words of each language, and those that are known everywhere."""
    path = Path(__file__).with_name("swearing.txt")
    found: dict[str, frozenset[str]] = {}
    for line in lines(path, 2, 2):
        code = line.columns[0]
        found[code] = found.get(code, frozenset()) | frozenset(line.items(1))
    return found


def _frequencies() -> dict[str, str]:
    """The languages that wordfreq has; raises DataError where it is not installed."""
    try:
        wordfreq = importlib.import_module("wordfreq")
    except ImportError as error:
        raise DataError(
            "wordfreq is not installed: pip install --require-hashes -r requirements/peers.txt, or "
            "ask for --translations alone."
        ) from error
    return {code: code for code in wordfreq.available_languages("small")}


def _draw(code: str, frequencies: Mapping[str, str], options: Namespace) -> list[str]:
    """Messages of ten words each, the same ones each time, as often used as the words are."""
    if code not in frequencies:
        return []
    wordfreq = importlib.import_module("wordfreq")
    words = wordfreq.get_frequency_dict(code, wordlist="best")
    chance = random.Random(f"{options.seed} {code}")
    between = "" if code in _UNSPACED else " "
    weights = list(accumulate(words.values()))
    spelt = list(words)
    return [
        between.join(chance.choices(spelt, cum_weights=weights, k=_WORDS))
        for _ in range(options.messages)
    ]


def _translated() -> list[str]:
    """The languages that Django is translated to, as wordfreq calls them where it does."""
    taken = {name for names in _LOCALES.values() for name in names}
    here = {path.name for path in _locales() if "_" not in path.name and path.is_dir()}
    return sorted((here - taken - {"__pycache__"}) | set(_LOCALES))


def _locales() -> Iterator[Path]:
    yield from (Path(django.__file__).parent / "conf" / "locale").iterdir()


def translations(code: str) -> list[str]:
    """What Django says in a language, and its contributed applications."""
    texts: list[str] = []
    for name in _LOCALES.get(code, (code,)):
        for path in sorted(Path(django.__file__).parent.glob(f"**/locale/{name}/**/django.po")):
            texts += _said(path.read_text("utf-8"))
    return sorted(set(texts))


def _said(catalogue: str) -> Iterator[str]:
    """The translations of a catalogue, without its head and what is not translated."""
    said: list[str] = []
    for line in [*catalogue.splitlines(), "msgid"]:
        keyword, _, quoted = line.partition(" ")
        if keyword.startswith("msgstr"):
            said.append(ast.literal_eval(quoted))
        elif said and line.startswith('"'):
            said[-1] += ast.literal_eval(line)
        elif said:
            yield from (text for text in said if text and "Content-Type:" not in text)
            said = []


def _percent(counts: Counts) -> str:
    return f"{counts.share * 100:.3f} %" if counts.texts else "-"
