"""Choir API."""
