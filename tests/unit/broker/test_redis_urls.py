"""How settings and URLs spell broker hosts."""

import re
from typing import Any

import pytest
from channels_redis.utils import _consistent_hash
from django.core.exceptions import ImproperlyConfigured

from bus.broker.redis_urls import host_index, hosts_of


def spelt(*hosts: Any) -> list[dict[str, Any]]:
    """The hosts without the defaults that all have."""
    common = {"socket_timeout", "max_connections"}
    return [{k: v for k, v in host.items() if k not in common} for host in hosts_of(list(hosts))]


def test_every_host_waits_for_messages_without_end_and_has_room_for_many() -> None:
    (host,) = hosts_of(["redis://one:6379"])
    assert (host["socket_timeout"], host["max_connections"]) == (None, 10_000)
    (host,) = hosts_of([{"address": "redis://one:6379", "socket_timeout": 3}])
    assert host["socket_timeout"] == 3


@pytest.mark.parametrize(
    "url", ["redis://:p,w@one:6379/2", "rediss://one?ssl_ca_certs=/ca.pem", "unix:///run/v.sock"]
)
def test_one_url_is_one_host(url: str) -> None:
    assert spelt(url) == [{"address": url}]


def test_commas_between_urls_make_several() -> None:
    several = "redis://:pw@one/0, redis://two/0,unix:///run/three.sock"
    assert [host["address"] for host in spelt(several)] == [
        "redis://:pw@one/0",
        "redis://two/0",
        "unix:///run/three.sock",
    ]


def test_the_spellings_of_channels_redis_hold() -> None:
    assert spelt(("one", 6379), {"host": "two", "port": 1}) == [
        {"host": "one", "port": 6379},
        {"host": "two", "port": 1},
    ]
    assert hosts_of(None)[0]["address"] == "redis://localhost:6379"


def test_sentinels_by_url_are_what_channels_redis_takes_as_a_dict() -> None:
    (host,) = spelt(
        "redis+sentinel://us%40er:p%3Aw@one:26380,[::1]:26381,three/main"
        "?db=2&sentinel_username=watch&sentinel_password=pw"
    )
    assert host == {
        "sentinels": [("one", 26380), ("::1", 26381), ("three", 26379)],
        "master_name": "main",
        "username": "us@er",
        "password": "p:w",
        "db": 2,
        "sentinel_kwargs": {
            "socket_timeout": 1.0,
            "socket_connect_timeout": 1.0,
            "username": "watch",
            "password": "pw",
        },
    }


def test_sentinels_with_tls_are_spoken_to_with_tls_too() -> None:
    (host,) = spelt("rediss+sentinel://one/main?ssl_ca_certs=/ca.pem")
    assert host["ssl"] is host["sentinel_kwargs"]["ssl"] is True
    assert host["ssl_ca_certs"] == host["sentinel_kwargs"]["ssl_ca_certs"] == "/ca.pem"


@pytest.mark.parametrize(
    "url",
    ["http://one", "one:6379", "redis+sentinel://one", "redis+sentinel:///main", "rediss:one"],
)
def test_what_is_no_broker_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"docs/brokers\.md"):
        hosts_of([url])


@pytest.mark.parametrize("url", ["redis://one:port", "redis://:word/pass@one:6379", "pass@one:1"])
def test_what_is_no_address_is_refused_without_a_word_of_the_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"broker's URL") as refused:
        hosts_of([url])
    assert not {"word", "pass"} & set(re.findall(r"\w+", str(refused.value).partition(". ")[0]))


@pytest.mark.parametrize("hosts", [1, 2, 3, 5, 7, 16, 100])
def test_a_name_lives_on_the_host_that_channels_redis_has_it_on(hosts: int) -> None:
    for number in range(2000):
        name = f"채널.{number}"
        assert host_index(name, hosts) == _consistent_hash(name, hosts), (
            "channels_redis has another ring: those who come from it would look on other hosts"
        )
