"""Bodies of tests: functions that a test runs here for one store, in a patched process for the other."""
