"""What is sent without a model is what the model would be sent as."""

from __future__ import annotations

import pytest

from bus.protocol.channel_messages import MessageSubmitted, parse_channel_message
from bus.protocol.objects import Author


@pytest.mark.parametrize("reply_to", [None, "7"])
@pytest.mark.parametrize("network", ["", "0" * 32])
@pytest.mark.parametrize(
    "author",
    [
        Author(id=7, name="Mina"),
        Author(id="gabc", name="guest-abc"),
        Author(id=7, name="미나", avatar_url="/a.png", profile_url="/mina"),
    ],
    ids=lambda author: author.name,
)
def test_a_submitted_message_is_the_same_with_a_model_and_without(
    author: Author, network: str, reply_to: str | None
) -> None:
    made = MessageSubmitted.checked(
        "자유방", author.model_dump(exclude_none=True), "hi", "c1", reply_to, network
    )
    model = MessageSubmitted(
        room="자유방",
        author=author,
        body="hi",
        client_id="c1",
        reply_to=reply_to,
        network=network or None,
    )
    assert list(made.items()) == list(model.as_message().items())
    assert parse_channel_message("moderation", made) == model
