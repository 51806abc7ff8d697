"""Specs: decided by the co-authors, given back when their window ends."""
