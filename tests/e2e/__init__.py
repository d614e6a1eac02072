"""End to end: the real processes, spoken to from outside."""
