"""WebSocket: the session protocol and plain chat."""
