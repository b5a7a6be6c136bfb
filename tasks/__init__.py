"""The Celery app and its tasks: parse, call scheduling, report."""
