"""What becomes of a message: settled, edited, removed; the events of each; catching up."""
