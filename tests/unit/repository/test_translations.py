"""Every string that people may see has its Korean, compiled and with the same placeholders."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[3]
# The project has the words of the app, too.
CATALOGUES = [("bus", "django"), ("bus", "djangojs"), ("config", "django")]
TEXT = r"""(u?(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'))"""
IN_TEMPLATE = re.compile(r"\b(?:_|n?gettext)\(\s*" + TEXT)
IN_SCRIPT = re.compile(r"\bn?gettext\(\s*" + TEXT)
CALLS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "gettext_noop"}
LINES = r"(?:\".*\"\n)+"
ENTRY = re.compile(
    rf"^msgid (?P<id>{LINES})(?:msgid_plural {LINES})?(?P<texts>(?:msgstr(?:\[\d\])? {LINES})+)",
    re.M,
)
MSGSTR = re.compile(rf"msgstr(?:\[\d\])? ({LINES})")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]")

Catalogue = dict[str, list[str]]


def catalogue(package: str, domain: str, kind: str) -> Path:
    return ROOT / package / "locale" / "ko" / "LC_MESSAGES" / f"{domain}.{kind}"


def compiled(package: str, domain: str) -> Catalogue:
    with catalogue(package, domain, "mo").open("rb") as file:
        entries = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    found: Catalogue = {}
    for key, text in entries.items():
        found.setdefault(key[0] if isinstance(key, tuple) else key, []).append(text)
    del found[""]
    return found


def written(package: str, domain: str) -> Catalogue:
    source = catalogue(package, domain, "po").read_text("utf-8")
    found: Catalogue = {}
    for entry in ENTRY.finditer(source):
        found[unquoted(entry["id"])] = [unquoted(text) for text in MSGSTR.findall(entry["texts"])]
    del found[""]
    return found


def unquoted(lines: str) -> str:
    return "".join(ast.literal_eval(line) for line in lines.splitlines())


def in_templates(package: str) -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / package / "templates").rglob("*.[ht]*")):
        for found in IN_TEMPLATE.finditer(templatize(path.read_text("utf-8"))):
            yield ast.literal_eval(found[1]), path.name


def in_python(package: str) -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in CALLS and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value), path.name


def in_scripts() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "bus" / "static").rglob("*.js")):
        for found in IN_SCRIPT.finditer(path.read_text("utf-8")):
            yield ast.literal_eval(found[1]), path.name


def used(package: str, domain: str) -> set[tuple[str, str]]:
    if domain == "djangojs":
        return set(in_scripts())
    return {*in_templates(package), *in_python(package)}


def test_the_search_finds_strings_of_each_kind() -> None:
    assert ("Write a message…", "room.html") in used("bus", "django")
    assert any("%(room_name)s" in text for text, _ in used("bus", "django"))
    assert ("Go to a room, or make one", "forms.py") in used("bus", "django")
    assert ("This name is reserved.", "forms.py") in used("config", "django")
    assert ("%(count)s new message", "log.js") in used("bus", "djangojs")


@pytest.mark.parametrize(("package", "domain"), CATALOGUES)
def test_every_string_is_translated(package: str, domain: str) -> None:
    korean = {**compiled("bus", domain), **compiled(package, domain)}
    missing = {
        f"{place}: {text}"
        for text, place in used(package, domain)
        if not all(korean.get(text, [""]))
    }
    assert not missing, (
        f"without Korean in {domain}.po, or not compiled: `manage.py compilemessages`"
    )


@pytest.mark.parametrize(("package", "domain"), CATALOGUES)
def test_translations_keep_their_placeholders(package: str, domain: str) -> None:
    for text, translations in compiled(package, domain).items():
        for translation in translations:
            assert set(PLACEHOLDER.findall(translation)) == set(PLACEHOLDER.findall(text)), text


@pytest.mark.parametrize(("package", "domain"), CATALOGUES)
def test_the_compiled_catalogue_is_the_written_one(package: str, domain: str) -> None:
    assert compiled(package, domain) == written(package, domain)


@pytest.mark.parametrize("kind", ["django", "djangojs"])
def test_no_word_of_bus_changes_what_django_says(kind: str) -> None:
    # A project's catalogues are one; of two apps, the first in INSTALLED_APPS has the word.
    ours = compiled("bus", kind)
    theirs = [
        gettext.GNUTranslations(path.open("rb"))._catalog  # type: ignore[attr-defined]
        for path in Path(django.__file__).parent.glob(f"**/locale/ko/LC_MESSAGES/{kind}.mo")
    ]
    common = {key: text for catalogue in theirs for key, text in catalogue.items() if key in ours}
    assert common or kind == "djangojs"
    assert {key: ours[key] for key in common} == {key: [text] for key, text in common.items()}
