"""Named channels over HTTP: sending, repeats, batches, and what a channel tells."""

import asyncio
import json
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from bus.chat import api_keys
from bus.protocol import channel_names
from tests.support.api_caller import (
    JOB,
    SUBMITTED,
    Caller,
    accepted,
    jobs,
    lose_broker,
    refused,
    waiting,
)

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),
]


async def test_what_is_sent_arrives_as_a_channel_message(backend: Caller) -> None:
    accepted(await backend.post("channels/jobs/messages", JOB))
    assert await waiting("jobs") == [{"type": "job.due", "number": 1}]
    body = {"type": "message.submitted", "data": SUBMITTED}
    accepted(await backend.post("channels/moderation/messages", body))
    ((message),) = await waiting(channel_names.MODERATION)
    assert message == {"type": "message.submitted", **SUBMITTED, "author": {"name": "ci"}}


@pytest.mark.parametrize("moment", ["2100-01-01T09:00:00+09:00", 4_102_444_800_000])
async def test_not_before_is_a_time_in_words_or_ms(
    backend: Caller, broker: str, moment: Any
) -> None:
    accepted(await backend.post("channels/jobs/messages", {**JOB, "not_before": moment}))
    with redis.Redis.from_url(broker) as client:
        ((_, due),) = client.zrange("{bus:jobs}:due", 0, -1, withscores=True)
    assert due == 4_102_444_800_000


async def test_the_past_is_at_once(backend: Caller) -> None:
    accepted(await backend.post("channels/jobs/messages", {**JOB, "not_before": 1_000_000_000_000}))
    assert len(await waiting("jobs")) == 1


async def test_one_ordering_key_keeps_its_order(backend: Caller, broker: str) -> None:
    for number in range(3):
        body = {"type": "job.due", "data": {"number": number}, "ordering_key": "album-7"}
        accepted(await backend.post("channels/jobs/messages", body))
    with redis.Redis.from_url(broker) as client:
        (stream,) = client.keys("{bus:jobs}:1:*")
        rows = client.xrange(stream)
    assert [fields[b"k"] for _, fields in rows] == [b"album-7"] * 3


async def test_a_repeat_of_the_key_is_the_same_message(backend: Caller, broker: str) -> None:
    first = accepted(await backend.post("channels/jobs/messages", JOB, key="k1"))
    assert accepted(await backend.post("channels/jobs/messages", JOB, key="k1")) == first
    assert len(await waiting("jobs")) == 1
    # Also when it was handled long since.
    assert accepted(await backend.post("channels/jobs/messages", JOB, key="k1")) == first
    assert await waiting("jobs") == []
    with redis.Redis.from_url(broker) as client:
        (name,) = client.keys("{bus:jobs}:once:*")
        assert 23 * 3600 < client.ttl(name) <= 24 * 3600


async def test_repeats_at_the_same_time_are_one_message(backend: Caller) -> None:
    answers = await asyncio.gather(
        *(backend.post("channels/jobs/messages", JOB, key="k1") for _ in range(12))
    )
    assert len({accepted(answer) for answer in answers}) == 1
    assert len(await waiting("jobs")) == 1


async def test_a_repeat_of_a_delayed_message_is_the_same(backend: Caller, broker: str) -> None:
    body = {**JOB, "not_before": 4_102_444_800_000}
    first = accepted(await backend.post("channels/jobs/messages", body, key="k1"))
    assert accepted(await backend.post("channels/jobs/messages", body, key="k1")) == first
    with redis.Redis.from_url(broker) as client:
        assert client.zcard("{bus:jobs}:due") == 1


async def test_keys_are_of_one_caller_and_one_channel(backend: Caller) -> None:
    other = Caller(*await sync_to_async(api_keys.create)("other"))
    ids = {
        accepted(await backend.post("channels/jobs/messages", JOB, key="k1")),
        accepted(await backend.post("channels/jobs/messages", JOB, key="k2")),
        accepted(await backend.post("channels/jobs/messages", JOB)),
        accepted(await other.post("channels/jobs/messages", JOB, key="k1")),
    }
    assert len(ids) == 4
    accepted(await backend.post("channels/chores/messages", JOB, key="k1"))
    assert len(await waiting("chores")) == 1


async def test_what_was_refused_is_not_remembered(backend: Caller, settings: Any) -> None:
    settings.BUS_CAPACITY = 0
    refused(await backend.post("channels/jobs/messages", JOB, key="k1"), "busy")
    settings.BUS_CAPACITY = 10
    first = accepted(await backend.post("channels/jobs/messages", JOB, key="k1"))
    # A full channel knows what it took before.
    settings.BUS_CAPACITY = 0
    assert accepted(await backend.post("channels/jobs/messages", JOB, key="k1")) == first


async def test_a_batch_is_sent_in_order(backend: Caller) -> None:
    response = await backend.post("channels/jobs/batch", jobs(*range(100)))
    results = json.loads(response.content)
    assert response.status_code == 202
    assert [set(result) for result in results] == [{"status", "id"}] * 100
    assert [message["number"] for message in await waiting("jobs")] == list(range(100))


async def test_a_bad_item_fails_alone(backend: Caller) -> None:
    good, other = jobs(1, 2)
    items = [good, {"type": "job.due"}, 7, {**good, "type": "?"}, other]
    response = await backend.post("channels/jobs/batch", items)
    results = json.loads(response.content)
    assert response.status_code == 207
    assert [result["status"] for result in results] == [202, 400, 400, 400, 202]
    assert [result.get("error", {}).get("field") for result in results[1:4]] == [
        "data",
        None,
        "type",
    ]
    assert [message["number"] for message in await waiting("jobs")] == [1, 2]


async def test_a_channel_that_fills_up_refuses_the_rest(backend: Caller, settings: Any) -> None:
    settings.BUS_CAPACITY = 2
    response = await backend.post("channels/jobs/batch", jobs(1, 2, 3, 4))
    results = json.loads(response.content)
    assert response.status_code == 207
    assert [result["status"] for result in results] == [202, 202, 503, 503]
    assert results[2]["error"]["code"] == "busy"
    assert int(response["Retry-After"]) >= results[2]["error"]["retry_after"]


async def test_a_batch_without_the_broker(backend: Caller, settings: Any) -> None:
    lose_broker(settings)
    response = await backend.post("channels/jobs/batch", jobs(1, 2))
    assert [result["error"]["code"] for result in json.loads(response.content)] == [
        "unavailable",
        "unavailable",
    ]


async def test_a_batch_that_is_repeated_sends_what_was_refused(
    backend: Caller, settings: Any
) -> None:
    settings.BUS_CAPACITY = 2
    first = json.loads((await backend.post("channels/jobs/batch", jobs(1, 2, 3), "k1")).content)
    settings.BUS_CAPACITY = 10
    response = await backend.post("channels/jobs/batch", jobs(1, 2, 3), "k1")
    again = json.loads(response.content)
    assert response.status_code == 202
    assert [result["id"] for result in again[:2]] == [result["id"] for result in first[:2]]
    # A client that repeats the rest alone, under the same key, loses nothing either.
    accepted_rest = await backend.post("channels/jobs/batch", jobs(4), "k1")
    assert accepted_rest.status_code == 202
    assert [message["number"] for message in await waiting("jobs")] == [1, 2, 3, 4]


async def test_batches_are_bounded_and_are_lists(backend: Caller, settings: Any) -> None:
    settings.BUS_API_BATCH_LIMIT = 2
    refused(await backend.post("channels/jobs/batch", jobs(1, 2, 3)), "too_long")
    refused(await backend.post("channels/jobs/batch", JOB), "invalid")
    assert await waiting("jobs") == []


async def test_channels_tell_what_they_hold(backend: Caller) -> None:
    accepted(await backend.post("channels/jobs/messages", JOB))
    found = json.loads((await backend.call("GET", "channels")).content)
    assert [state["channel"] for state in found] == ["broadcast", "jobs", "moderation"]
    state = json.loads((await backend.call("GET", "channels/jobs")).content)
    assert (state["depth"], state["in_flight"], state["dead"], state["workers"]) == (1, 0, 0, [])
    assert state["oldest_age"] >= 0
    assert {"rate", "retries", "types"} <= set(state)


async def test_known_channels_tell_the_schema_of_their_types(backend: Caller) -> None:
    state = json.loads((await backend.call("GET", "channels/moderation")).content)
    schema = state["types"]["message.submitted"]
    assert {"room", "author", "body", "client_id"} <= set(schema["properties"])


async def test_the_description_and_its_page_are_for_everyone() -> None:
    client = AsyncClient()
    described = json.loads((await client.get("/api/v1/openapi.json")).content)
    assert "/api/v1/channels/{channel}/messages" in described["paths"]
    page = await client.get("/api/v1/docs")
    text = page.content.decode()
    assert page.status_code == 200
    assert "script-src 'self';" in page["Content-Security-Policy"]
    # Nothing inline and nothing from elsewhere: the policy would stop it.
    assert "<script>" not in text
    assert "http" not in text.replace("http-equiv", "")
