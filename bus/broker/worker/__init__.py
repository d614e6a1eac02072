"""The worker process: it claims from named channels, and runs Channels consumers."""
