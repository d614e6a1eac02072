"""`EMAIL_URL`, as it is read."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.mail import from_url


@pytest.mark.parametrize(
    ("url", "host", "port", "ssl", "tls"),
    [
        ("smtps://bus%40example.org:p%2Fw@mail.example.org", "mail.example.org", 465, True, None),
        ("submission://u:p@mail:2587/?from=bus@example.org", "mail", 2587, None, True),
        ("smtp:///?from=bus@example.org", "localhost", 25, None, None),
    ],
)
def test_a_server_its_port_and_what_is_encrypted(
    url: str, host: str, port: int, ssl: bool | None, tls: bool | None
) -> None:
    found = from_url(url)
    assert (found["EMAIL_HOST"], found["EMAIL_PORT"]) == (host, port)
    assert (found.get("EMAIL_USE_SSL"), found.get("EMAIL_USE_TLS")) == (ssl, tls)
    assert found["DEFAULT_FROM_EMAIL"] == "bus@example.org"
    # A server that is silent holds up nobody.
    assert found["EMAIL_TIMEOUT"] == 10


def test_names_and_passwords_may_have_any_letter() -> None:
    found = from_url("smtps://bus%40example.org:p%2Fw@mail.example.org")
    assert (found["EMAIL_HOST_USER"], found["EMAIL_HOST_PASSWORD"]) == ("bus@example.org", "p/w")


@pytest.mark.parametrize(
    "url", ["smtp://mail", "console:", "http://x/?from=a@b", "smtp://h:x/?from=a@b", "a"]
)
def test_what_says_too_little_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL"):
        from_url(url)
