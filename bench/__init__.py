"""Measurements: what the documents' figures were made with."""
