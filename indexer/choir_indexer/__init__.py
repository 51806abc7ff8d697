"""Choir indexer."""
