"""Which languages a text may be of: by its words and letters, and its room."""
