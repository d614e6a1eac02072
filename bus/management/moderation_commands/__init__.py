"""The subcommands of `manage.py bus moderation`, one file each."""
