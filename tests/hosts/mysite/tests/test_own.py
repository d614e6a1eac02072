"""The host's own sockets, routes and workers go on beside Bus."""

import json

from host import Person
from websockets.sync.client import connect


def test_the_hosts_worker_and_socket_go_on_beside_bus(site, signed_in):
    mina = signed_in("mina@example.org")
    with connect(site.websocket("/ws/lights/"), additional_headers=mina.headers) as socket:
        assert json.loads(socket.recv(20)) == {"you": "mina@example.org"}
        for count in (1, 2, 3):
            assert Person(site).get("/lights/hall/")[0] == 202
            assert json.loads(socket.recv(20)) == {"on": "hall", "lit": count}


def test_the_hosts_channel_is_seen_by_the_commands_of_bus(site):
    assert "lights" in site.manage("bus", "stats")
