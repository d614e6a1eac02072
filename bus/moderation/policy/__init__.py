"""What a room goes by: the policy, its presets, its schema and its thresholds."""
