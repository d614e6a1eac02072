"""What Bus sends through the broker: the only door to it."""
