"""What `manage.py` of any project can do with the broker."""
