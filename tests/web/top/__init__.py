"""Tests of what `speech-dispatch top` reads and draws."""
