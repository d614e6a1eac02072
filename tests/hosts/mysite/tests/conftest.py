"""The host, started once for all tests, with a room and two people in it."""

import json
from pathlib import Path

import pytest
from host import Person, Site

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "a long and quiet winter"

_COUNT = """
import json
from bus.models import Room
from people.models import Person
print(json.dumps([Person.objects.count(), Room.objects.count()]))
"""
_FILL = f"""
from bus.models import Room
from people.models import Person
Room.objects.create(name="lobby", access="open", moderation="standard")
print(Person.objects.create_user("mina@example.org", {PASSWORD!r}, nickname="Mina").pk)
Person.objects.create_superuser("boss@example.org", {PASSWORD!r}, nickname="Boss")
"""


@pytest.fixture(scope="session")
def site():
    with Site(ROOT, "/live/readyz") as site:
        # As `up` has left it.
        site.found = json.loads(site.shell(_COUNT))
        site.mina = site.shell(_FILL)
        yield site


@pytest.fixture
def signed_in(site):
    def sign_in(email):
        person = Person(site)
        status, page = person.post("/login/", username=email, password=PASSWORD)
        assert (status, page) == (200, "the host's own chat page")
        return person

    return sign_in
