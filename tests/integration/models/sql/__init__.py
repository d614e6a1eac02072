"""Tests of `bus/models/sql`."""
