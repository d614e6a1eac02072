"""A project as a team may have one, with Bus in it."""
