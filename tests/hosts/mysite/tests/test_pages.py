"""Bus's pages are the host's: its base, its languages, its paths; and all else stays its own."""

import re

import pytest
from host import Person

_OWN_ADDRESS = re.compile(r'(?:src|href|action)="(/[^"#?]*)')


@pytest.mark.parametrize(
    ("path", "language", "words"),
    [("/live/chat/", "en", "Rooms"), ("/ko/live/chat/", "ko", "방")],
    ids=["english", "korean"],
)
def test_pages_extend_the_hosts_base_in_the_language_of_their_path(site, path, language, words):
    status, page = Person(site).get(path)
    assert status == 200
    assert "The host's own header" in page
    assert f'<html lang="{language}">' in page
    assert words in page


@pytest.mark.parametrize("prefix", ["/live/", "/ko/live/"])
def test_a_room_page_names_no_path_that_is_not_there(site, prefix):
    person = Person(site)
    status, page = person.get(f"{prefix}chat/lobby/")
    assert status == 200
    assert f'"{prefix}ws/"' in page
    paths = set(_OWN_ADDRESS.findall(page))
    assert any(path.endswith(".js") for path in paths)
    assert {path: person.get(path)[0] for path in paths} == dict.fromkeys(paths, 200)
    assert all(path.startswith((prefix, "/assets/", "/login/")) for path in paths)


def test_what_is_the_hosts_stays_the_hosts(site):
    person = Person(site)
    assert person.get("/chat/") == (200, "the host's own chat page")
    status, page = person.get("/chat/lobby/")
    assert status == 404
    assert "The host's own page for what is not there" in page
    # Also below what is Bus's.
    status, page = person.get("/live/api/v1/unknown")
    assert status == 404
    assert "The host's own page for what is not there" in page
    assert person.get("/accounts/login/")[0] == 404
    assert person.get("/live/livez")[0] == 200


def test_the_admin_is_the_hosts_and_shows_the_rooms(site, signed_in):
    boss = signed_in("boss@example.org")
    status, page = boss.get("/admin/bus/room/")
    assert status == 200
    assert "lobby" in page


def test_up_makes_no_user_and_no_room_and_nothing_is_amiss(site):
    assert site.found == [0, 0]
    assert "no issues" in site.manage("check")
    assert "No changes" in site.manage("makemigrations", "--check", "--dry-run")
