"""What tests of the HTTP API share: a backend that may call it."""

import pytest

from bus.chat import api_keys
from tests.support.api_caller import Caller


@pytest.fixture
def backend(transactional_db: None) -> Caller:
    """A backend with a key."""
    return Caller(*api_keys.create("ci"))
