"""Labelled texts from files: `label<TAB>text`, 1 for what is abusive or spam."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bus.moderation.training.rows import Row, Source, clean

# Texts under terms that weights take over: measured on, and trained on where that is asked for.
SHAREALIKE: Final = "sharealike"
_KEPT: Final = "Nothing was written."

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+|\n+")
# Shorter pieces of a comment say too little to stand alone.
_SHORTEST: Final = 12
# To know which characters are abusive is worth more than to know that some are.
_WEIGHT: Final = 3.0


class DataError(ValueError):
    """A file or directory that is not as it should be; its message says which, and what to do."""


def read(path: Path) -> Source:
    """The rows of one file; raises DataError."""
    rows: list[Row] = []
    try:
        # Only \n ends a line: other line breaks are part of a text.
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                rows.append(_row(line, path, number))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error.reason}). {_KEPT}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. {_KEPT}") from error
    if not rows:
        raise DataError(f"{path} is empty. Give it rows, or take it away. {_KEPT}")
    return Source(path.stem, rows)


def _row(line: str, path: Path, number: int) -> Row:
    label, *columns = line.rstrip("\r\n").split("\t")
    if label not in ("0", "1") or not columns:
        raise DataError(
            f"{path}, line {number}: {line[:40].rstrip()!r} is not `label<TAB>text` with a label "
            f"of 0 or 1. {_KEPT}"
        )
    # Columns between say of which kind a row is.
    return Row(label == "1", clean(columns[-1]))


def files(directory: Path, *, sharealike: bool) -> list[Path]:
    """The files of a directory by name; raises DataError where there are none."""
    if not directory.is_dir():
        raise DataError(f"There is no directory {directory}. {_KEPT}")
    found = sorted(directory.glob("*.tsv"))
    if sharealike:
        found += sorted((directory / SHAREALIKE).glob("*.tsv"))
    if not found:
        raise DataError(f"There are no *.tsv files in {directory}. {_KEPT}")
    return found


def to_train_on(directory: Path, *, sharealike: bool = False) -> list[Source]:
    """What may be trained on; raises DataError."""
    return [_cut(path) or read(path) for path in files(directory, sharealike=sharealike)]


def _cut(path: Path) -> Source | None:
    """A file whose abusive characters are known, whole and in pieces; None where they are not.

    What is left of a comment without its abusive sentences is a clean one by the same hand, which a
    file that is all abuse has no other rows for.
    """
    spans = path.with_suffix(".spans.jsonl")
    if not spans.exists():
        return None
    rows: list[Row] = []
    with spans.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                entry = json.loads(line)
                rows.extend(_pieces(str(entry["text"]), set(entry["spans"])))
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"{spans}, line {number}: no object with `text` and `spans` ({error}). {_KEPT}"
                ) from error
    if not rows:
        raise DataError(f"{spans} holds no sentence. {_KEPT}")
    return Source(path.stem, rows, _WEIGHT)


def _pieces(text: str, abusive: set[int]) -> Iterator[Row]:
    """A text, each of its sentences, and all that are clean together, with their labels."""
    if not abusive:
        return
    start = 0
    whole = clean(text)
    left: list[str] = []
    ends = [(match.start(), match.end()) for match in _SENTENCE_END.finditer(text)]
    for end, following in [*ends, (len(text), len(text))]:
        sentence = clean(text[start:end])
        bad = any(start <= at < end for at in abusive)
        if len(sentence) >= _SHORTEST * (1 if bad else 2):
            yield Row(bad, sentence, whole)
            if not bad:
                left.append(sentence)
        start = following
    yield Row(True, whole)
    if len(left) > 1:
        yield Row(False, " ".join(left), whole)
