"""What operators do with named channels: look, listen, put back, replay, erase."""
