"""By which of their fields a channel's messages are ordered."""

from bus.broker import BusChannelLayer, ordering_fields


def test_a_message_is_ordered_by_the_field_that_an_app_named() -> None:
    ordering_fields.order_by("orders", "customer")
    layer = BusChannelLayer(hosts=["redis://127.0.0.1:1"])
    assert layer.key_of("orders", {"type": "x", "customer": 7}) == "7"
    own = layer.key_of("orders", {"type": "x"})
    assert own not in ("", "7")
    assert layer.key_of("mails", {"type": "x", "customer": 7}) == own


def test_chat_is_ordered_by_room() -> None:
    assert ordering_fields.key_of("moderation", {"room": "lobby"}) == "lobby"
