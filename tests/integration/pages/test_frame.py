"""What all pages share: one frame, in Bus's own base template or a project's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.template import loader
from django.test import Client
from pytest_django.fixtures import Settings

from bus.models import Room

pytestmark = pytest.mark.django_db(transaction=True)

# With blocks of its own, whose names others may have, too.
BASE = """<title>{% block title %}{% endblock %}</title>{% block head %}{% endblock %}
<body class="{% block body_class %}{% endblock %}"><i>{% block account %}their account{% endblock %}
{% block page %}their page{% endblock %} {% block heading %}their heading{% endblock %}
{% block explanation %}their words{% endblock %}</i>{% block content %}{% endblock %}</body>"""
THEIRS = "their account their page their heading their words"
PAGES = {
    "/chat/": (200, "Rooms"),
    "/chat/plaza/": (200, "# plaza"),
    "/chat/club/": (403, "No entry"),
    "/chat/nothing/": (404, "Not found"),
}


@pytest.fixture
def client(settings: Settings) -> Client:
    settings.BUS_OPEN_ROOMS = False
    Room.objects.create(name="plaza", access="open")
    Room.objects.create(name="club", access="public")
    return Client(headers={"accept-language": "en"})


@pytest.mark.parametrize("path", PAGES)
def test_each_page_has_its_styles_once_and_the_classes_that_it_names(
    path: str, client: Client
) -> None:
    page = of(client, path)
    assert page.count("bus/page.css") == 1
    (classes,) = re.findall(r'<body class="(.*?)"', page)
    assert classes == ("bus app" if path == "/chat/plaza/" else "bus")


@pytest.mark.parametrize("path", PAGES)
def test_in_a_projects_base_each_page_leaves_that_as_it_is(
    path: str, client: Client, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "theirs.html").write_text(BASE)
    first: dict[str, Any] = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**first, "DIRS": [tmp_path]}]
    settings.BUS_BASE_TEMPLATE = "theirs.html"
    page = of(client, path)
    assert page.count("bus/page.css") == page.count('<div class="bus">') == 1
    (theirs,) = re.findall(r"<i>(.*?)</i>", page, re.S)
    assert " ".join(theirs.split()) == THEIRS
    title = PAGES[path][1]
    assert f"<title>{title}</title>" in page


def test_what_is_said_to_who_comes_too_often_leaves_a_projects_base_as_it_is(
    tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "theirs.html").write_text(BASE)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    context = {"bus": {"base": "theirs.html"}, "minutes": 2}
    page = loader.render_to_string("bus/429.html", context)
    (theirs,) = re.findall(r"<i>(.*?)</i>", page, re.S)
    assert " ".join(theirs.split()) == THEIRS
    assert "Try again in 2 minutes." in page


def of(client: Client, path: str) -> str:
    """The page at a path, which answers as it should."""
    answer = client.get(path)
    assert answer.status_code == PAGES[path][0]
    return answer.content.decode()
