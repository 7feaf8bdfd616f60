"""What generate.py and decode.py share. Runs under every Celery version that the project covers."""
