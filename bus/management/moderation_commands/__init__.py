"""The subcommands of `manage.py moderation`, one file each."""
