"""Lua scripts: the broker's own, and those of what builds on it."""

from pathlib import Path

import pytest
import redis

from bus.broker import BusChannelLayer

pytestmark = pytest.mark.asyncio


async def test_what_builds_on_the_broker_has_scripts_in_a_directory_of_its_own(
    broker: str, tmp_path: Path
) -> None:
    layer = BusChannelLayer(hosts=[broker], prefix="test")
    (tmp_path / "twice.lua").write_text("return base .. ARGV[2] .. ARGV[2]")
    connection = layer.connection("jobs")
    assert await connection.run("twice", "b", "x", directory=tmp_path) == b"bxx"
    with redis.Redis.from_url(broker) as client:
        client.script_flush()
    assert await connection.run("twice", "b", "y", directory=tmp_path) == b"byy"
    assert await layer.send("jobs", {"type": "x"})
    await layer.close()
