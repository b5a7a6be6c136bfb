"""Tests of the checks that `speech-dispatch doctor` makes."""
