"""The statements that every list of messages needs, made once: the ORM takes longer to write one
than the database takes to answer it."""
