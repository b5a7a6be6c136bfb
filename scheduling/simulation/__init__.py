"""Placement under virtual time: the product's scripts against other policies, an ideal and theory."""
