"""``/metrics``: what this process, the others and the cell count, as Prometheus reads it."""
