"""The domain: messages, ledger, pools, sessions, results. Knows neither Flask nor Celery."""
