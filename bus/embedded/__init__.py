"""`manage.py up`: the embedded broker, and the supervisor of the processes of the Procfile."""
