"""A project that has Bus, and a broker of its own (REDIS_URL)."""
