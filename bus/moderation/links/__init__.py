"""Links: hosts, and those that pose as others."""
