"""Alembic migrations of schema ``app``; run by :func:`choir_api.db.migrate`."""
