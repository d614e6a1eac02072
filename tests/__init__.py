"""The tests of Bus: unit, integration, chaos and e2e, each tier in its directory."""
