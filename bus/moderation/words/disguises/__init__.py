"""The ways in which a blocked word may show: as written, or under one disguise each."""
