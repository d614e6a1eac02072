"""What the tests share: people, a room, a server with a worker, and the suite's own broker."""

import contextlib
from dataclasses import dataclass

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from people import adapter
from people.models import Person

from bus.chat import impostors
from bus.enforcement import room_policies
from bus.messaging import background
from bus.models import Member, Room
from bus.protocol import user_ids
from tests.conftest import broker, broker_server, django_db_setup  # noqa: F401
from tests.support.wait import until_async
from tests.support.web_server import cookies_of, serving, session, working

# What people sign in with, by who they are; a text may be anything, even like a guest's key.
LOGINS = {
    "uuid": {"mina": "mina@example.org", "jun": "jun@example.org", "mod": "mod@example.org"},
    "text": {"mina": "민아 k@ex", "jun": "g0123456789abcdef", "mod": "mod"},
    "email": {"mina": "mina@example.org", "jun": "jun@example.org", "mod": "mod@example.org"},
    "proxy": {"mina": "mina", "jun": "jun", "mod": "mod"},
}[settings.USERS.replace("child", "email")]
NAMES = {who: login.partition("@")[0] for who, login in LOGINS.items()}
if settings.USERS == "text":
    NAMES = LOGINS


@dataclass
class Somebody:
    """A person, and all that their key is."""

    person: Person
    name: str

    @property
    def key(self):
        return user_ids.key_of(self.person.pk)

    @property
    def id(self):
        return user_ids.public_id(self.person.pk)


@pytest.fixture(autouse=True)
def nothing_kept():
    """Forget what rooms go by, and names: a test's may be those of another test."""
    room_policies.forget()
    impostors.forget()
    adapter.hooks.clear()
    yield
    adapter.hooks.clear()


@pytest.fixture
def somebody(transactional_db):
    """Makes people."""

    def make(who, **values):
        return Somebody(
            Person.objects.create_user(LOGINS[who], "pw-12 of nobody", **values), NAMES[who]
        )

    return make


@pytest.fixture
def club(transactional_db):
    """A private room."""
    return Room.objects.create(name="club", access="private")


@pytest.fixture
def mina(somebody, club):
    """A member."""
    mina = somebody("mina")
    Member.objects.create(room=club, user_id=mina.person.pk, role="member")
    return mina


@pytest.fixture
def jun(somebody, club):
    """Another one."""
    jun = somebody("jun")
    Member.objects.create(room=club, user_id=jun.person.pk, role="member")
    return jun


@pytest.fixture
def mod(somebody, club):
    """A moderator."""
    mod = somebody("mod")
    Member.objects.create(room=club, user_id=mod.person.pk, role="moderator")
    return mod


@pytest_asyncio.fixture
async def server(broker):  # noqa: F811
    """A web server, and the workers."""
    async with serving() as running, working("moderation", "broadcast"):
        yield running


@pytest.fixture
def enter(server):
    """Opens a session of somebody, in the club unless told otherwise."""

    @contextlib.asynccontextmanager
    async def opened(who, room="club"):
        headers = await cookies_of(
            await sync_to_async(type(who.person).objects.get)(pk=who.person.pk)
        )
        # Nothing of what made them is news to the socket.
        await until_async(lambda: not background.tasks._running)
        async with session(server, additional_headers=headers) as client:
            if room:
                client.joined = await client.do("room.join", room=room)
            yield client

    return opened
