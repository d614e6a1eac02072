"""Room chat with moderation workers, and an event bus, for teams that use Django."""

__version__ = "0.1.0"
