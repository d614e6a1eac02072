"""Frames that leave together; what goes over the wire is made once, for all sockets."""

from __future__ import annotations

from bus.servers.websocket_frames import join_frames, text_frame


class PreparedFrames:
    """Frames for many listeners, in order, and the bytes in which each kind of socket gets them."""

    __slots__ = ("_joined", "_separate", "frames")

    def __init__(self, frames: list[bytes]) -> None:
        self.frames = frames
        self._separate = b""
        self._joined = b""

    @property
    def size(self) -> int:
        """The bytes of all, which are asked for where a socket is behind."""
        return sum(map(len, self.frames))

    @property
    def separate(self) -> bytes:
        """A WebSocket frame for each, one after the other."""
        if not self._separate:
            self._separate = b"".join(map(text_frame, self.frames))
        return self._separate

    @property
    def joined(self) -> bytes:
        """One WebSocket frame with an array of all; more where it would be too large."""
        if not self._joined:
            self._joined = b"".join(map(text_frame, join_frames(self.frames)))
        return self._joined
