"""The subcommands of `manage.py bus`, one file each."""
