"""Who may enter which room, who is who, and what was said there."""
