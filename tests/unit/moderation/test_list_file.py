"""The reader of all lists: it refuses what is wrong with file and line; no words are in code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus import moderation
from bus.moderation.list_file import ListError, by_kind, lines
from bus.moderation.words import terms
from bus.moderation.words.speech import any_of

CODE = Path(moderation.__file__).parent


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_comments_and_empty_lines_are_no_lines(tmp_path: Path) -> None:
    path = written(tmp_path, "# why\n\nfruit\tapple, pear\nfruit\tplum\nnut\twalnut\n")
    assert [line.number for line in lines(path, 2, 2)] == [3, 4, 5]
    assert by_kind(path, ("nut", "fruit")) == {
        "nut": ("walnut",),
        "fruit": ("apple", "pear", "plum"),
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("fruit\n", "list.txt, line 1: 2 tab-separated columns are wanted, 1 are there"),
        ("# why\nfriut\tpear\n", "list.txt, line 2: no kind 'friut'; there are fruit, nut"),
        ("fruit\tpear,  plum\n", "list.txt, line 1: 'pear,  plum' is no list with ', ' between"),
        ("fruit\tpear\n", "list.txt: nothing of the kind 'nut'"),
    ],
)
def test_a_wrong_line_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ListError, match=re.escape(why)):
        by_kind(written(tmp_path, text), ("fruit", "nut"))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("2\t(pear", "line 1: '(pear' is no pattern"),
        ("9\tpear", "line 1: weight '9' is no whole number from 1 to 4"),
    ],
)
def test_a_wrong_sign_of_advertising_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, why: str
) -> None:
    written(tmp_path, line).rename(tmp_path / "scam_signs.txt")
    monkeypatch.setattr(terms, "LISTS", tmp_path)
    with pytest.raises(ListError, match=re.escape(why)):
        list(terms.load_scam_signs())


@pytest.mark.parametrize(
    ("phrase", "fits", "does_not"),
    [
        ("you(')re", ["youre", "you're", "you’re"], ["you", "you re"]),
        ("같은( )[놈년]", ["같은놈", "같은 년"], ["같은", "같은  놈"]),
        ("*ly", ["really", "totally"], ["ly", "lying"]),
        ("(*)bot", ["bot", "robot"], ["bots"]),
        ("a.b+", ["a.b+"], ["axb", "a.bb"]),
    ],
)
def test_phrases(phrase: str, fits: list[str], does_not: list[str]) -> None:
    pattern = re.compile(any_of("no", phrase))
    assert all(map(pattern.fullmatch, fits))
    assert not any(map(pattern.fullmatch, does_not))


def strings(path: Path) -> Iterator[str]:
    """The strings of a module, save for its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_the_words_of_languages_are_in_lists_and_not_in_code() -> None:
    blocked = {term.text for name in terms.languages() for term in terms.load(name)}
    for path in CODE.rglob("*.py"):
        for text in strings(path):
            assert not blocked & set(re.findall("[a-z]{3,}", text)), (path.name, text)
            assert not re.search("[가-힣]{2}|[a-z]{2,}\\|[a-z]{2,}\\|[a-z]{2,}", text), (
                path.name,
                text,
            )
