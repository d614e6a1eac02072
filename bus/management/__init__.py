"""What people run from a shell, and the supervisor behind `manage.py up`."""
