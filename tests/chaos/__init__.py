"""Processes killed, flooded and lied to: the guarantees of the design, shown on real ones."""
