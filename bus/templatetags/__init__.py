"""What templates load by `{% load … %}`."""
