"""The only writers of the database; they know no transport."""
