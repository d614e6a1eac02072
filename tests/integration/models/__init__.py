"""Tests of `bus/models`."""
