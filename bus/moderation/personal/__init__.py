"""Personal data and secrets in a text: where they stand, and of which kind they are."""
