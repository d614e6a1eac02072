"""What chaos tests share: one broker and one database per run."""

from collections.abc import Iterator

import pytest

from tests.support.backend import Backend
from tests.support.backend import backend as start_backend
from tests.support.processes import Fleet


@pytest.fixture(scope="session")
def backend() -> Iterator[Backend]:
    """A broker that may be killed, and a database with its tables."""
    with start_backend() as found:
        Fleet(found, "setup").manage("migrate", "--noinput")
        yield found
