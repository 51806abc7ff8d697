"""Threads: opened and re-levelled by transactions, read from the mirror."""
