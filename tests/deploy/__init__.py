"""Tests of the files in deploy/ and of the guides that speak of them."""
