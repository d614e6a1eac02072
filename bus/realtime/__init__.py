"""What a web process does live: the hub, presence, and each socket's writer."""
