"""Measures Bus with its real processes on loopback; `make bench` runs all of it."""
