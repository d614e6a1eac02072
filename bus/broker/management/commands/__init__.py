"""Each command of `manage.py` is one file here."""
